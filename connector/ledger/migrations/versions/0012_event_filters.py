"""Indexes for every filter of the event commands, and the words that --search finds"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('event_facets', 'event', ['source', 'kind', 'status', 'id'])
    op.create_index(
        'event_unfetched',
        'event',
        ['pointers'],
        postgresql_using='gin',
        postgresql_ops={'pointers': 'jsonb_path_ops'},
        postgresql_with={'fastupdate': 'off'},
        postgresql_where=sa.text('subject IS NULL'),
    )
    op.create_index('subject_code', 'subject', ['code'])
    op.create_table(
        'event_word',
        sa.Column('event_id', sa.BigInteger(), nullable=False),
        sa.Column('words', postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(['event_id'], ['event.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('event_id'),
    )
    op.create_index('event_word_words', 'event_word', ['words'], postgresql_using='gin')


def downgrade() -> None:
    op.drop_table('event_word')
    op.drop_index('subject_code', 'subject')
    op.drop_index('event_unfetched', 'event')
    op.drop_index('event_facets', 'event')
