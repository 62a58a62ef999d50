"""The id first in the index that finds an event by its id: no look-up by id can choose another index"""

from alembic import op

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create('event_id', 'source', 'site')


def downgrade() -> None:
    _create('source', 'site', 'event_id')


def _create(*columns: str) -> None:
    op.drop_constraint('event_identity', 'event')
    op.create_unique_constraint('event_identity', 'event', columns)
