"""Each workspace counts up its own people."""

from shared.own_ids import Table, give

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    give(
        [
            Table("members", reindexed={("workspace_id",): ()}),
            Table("api_keys", key=("id",), counts=False, refers={"member_id": ("members", None)}),
        ],
        known="members",
    )
