"""Each workspace counts up its own expenses."""

from shared.own_ids import Table, give

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    give([Table("expenses"), Table("people", counts=False, reindexed={("workspace_id", "id"): ()})], known="people")
