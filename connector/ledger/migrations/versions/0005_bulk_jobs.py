"""Bulk jobs: which of them Salesforce may still be working on, and which records they are about"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        'bulk_job',
        sa.Column('job', sa.Text(), nullable=False),
        sa.Column('object', sa.Text(), nullable=False),
        sa.Column('keys', postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column('token', sa.Text(), nullable=False),
        sa.Column('subject', sa.Text(), nullable=False),
        sa.Column('begun_at', _time, server_default=sa.text('now()'), nullable=False),
        sa.Column('ended_at', _time, nullable=True),
        sa.Column('told', sa.Boolean(), server_default=sa.text('false'), nullable=False),
        sa.PrimaryKeyConstraint('job'),
    )


def downgrade() -> None:
    op.drop_table('bulk_job')
