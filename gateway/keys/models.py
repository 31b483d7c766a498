"""The gateway's tables. A key is kept as its digest: whoever reads this database can call nothing."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.audit import UNTOLD
from shared.db import Base, Instant, Numbered, Serial, now, refers
from shared.versions import Versioned


class Workspace(Base):
    """A tenant. It has a UUID and, for the dialects that want one, a small number."""

    __tablename__ = "workspaces"
    __table_args__ = ({"sqlite_autoincrement": True},)

    company_id: Mapped[int] = mapped_column(Serial, primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    currency: Mapped[str] = mapped_column(String(3))
    time_zone: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def uuid(self) -> str:
        """What the history knows it by: it is in its own workspace's."""
        return self.id

    @property
    def workspace_id(self) -> str:
        """The workspace it is."""
        return self.id


class Account(Base):
    """A set of books in a workspace. The first has the workspace's own UUID."""

    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)

    @property
    def uuid(self) -> str:
        """What the history knows it by."""
        return self.id


class Member(Versioned, Numbered, Base):
    """A person of a workspace. The services hear of each change of one (`gateway.people.messages`)."""

    __tablename__ = "members"
    __table_args__ = (ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),)

    first_name: Mapped[str] = mapped_column(String(255))
    last_name: Mapped[str] = mapped_column(String(255))
    email: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(32))
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant, onupdate=now)
    deleted: Mapped[bool]  # gone, and still named by what they did

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def uuid(self) -> str:
        """What the history knows them by."""
        return str(self.id)


class ApiKey(Versioned, Base):
    """What a member hands to a program: what it may do, where, and until when."""

    __tablename__ = "api_keys"
    __table_args__ = (refers("member_id", "members"),)
    SUBJECT = "key"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), index=True)
    member_id: Mapped[int] = mapped_column(Serial)
    prefix: Mapped[str] = mapped_column(String(16), index=True)  # the part of the key that may be shown
    digest: Mapped[str] = mapped_column(String(64), unique=True, info=UNTOLD)
    version: Mapped[int] = mapped_column()
    older_digest: Mapped[str | None] = mapped_column(String(64), info=UNTOLD)  # of the secret before the last rotation
    older_until: Mapped[datetime | None] = mapped_column(Instant)  # until when that one is valid, too
    scopes: Mapped[list[str]] = mapped_column(JSON)
    account_ids: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # None: every account
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant, info=UNTOLD)  # to the minute: `gateway.keys.usage`
    created_at: Mapped[datetime] = mapped_column(Instant)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def uuid(self) -> str:
        """What the history knows it by."""
        return self.id
