"""Find the new events of one account without reading its old ones"""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('event_fetched', 'event', ['subject', 'id'], postgresql_where=sa.text("status = 'fetched'"))


def downgrade() -> None:
    op.drop_index('event_fetched', 'event')
