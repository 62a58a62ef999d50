"""Which runs of admins asked something of an event"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        'event', sa.Column('runs', postgresql.ARRAY(sa.BigInteger()), server_default='{}', nullable=False)
    )
    op.execute('UPDATE event SET runs = ARRAY[run_id] WHERE run_id IS NOT NULL')


def downgrade() -> None:
    op.drop_column('event', 'runs')
