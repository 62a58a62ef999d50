"""Which record was last written to a place in Salesforce"""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('mirror_place', 'mirror', ['object', 'salesforce_id'])


def downgrade() -> None:
    op.drop_index('mirror_place', 'mirror')
