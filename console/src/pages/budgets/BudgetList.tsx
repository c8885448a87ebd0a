import Add from '@mui/icons-material/Add';
import SavingsOutlined from '@mui/icons-material/SavingsOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import { useGetList } from 'ra-core';
import { useState, type ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import { useCanDo } from '@/access/me';
import type { Budget } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Empty } from '@/ui/empty';
import { ListPage } from '@/ui/list/ListPage';
import type { ColumnSpec } from '@/ui/list/columns';
import type { FilterSpec } from '@/ui/list/filters';
import { useTell } from '@/ui/problems';
import { Count } from '@/ui/values';
import { useFollowBudgets } from './follow';
import { Allowed, BudgetState, Lines, ScopeName, useReason } from './Lines';
import { ReleaseDialog } from './ReleaseDialog';
import { stateOf } from './standing';

/** How many closed ones are named above the list; a filter shows the others. */
const CLOSED_MAX = 10;

const COLUMNS: ColumnSpec<Budget>[] = [
    { name: 'name', label: 'budgets.of', render: (budget) => <ScopeName budget={budget} />, width: 170, sort: true },
    { name: 'closed', label: 'budgets.state', render: (budget) => <BudgetState budget={budget} />, width: 250, wrap: true },
    { name: 'lines', label: 'budgets.used', render: (budget) => <Lines budget={budget} />, wrap: true },
    { name: 'limits', label: 'budgets.allowed', render: (budget) => <Allowed budget={budget} />, wrap: true },
    { name: 'calls', label: 'budgets.calls', render: (budget) => <Count value={budget.calls} />, align: 'right', width: 90, extra: true },
    { name: 'id', extra: true, sort: true },
];

const FILTERS: FilterSpec[] = [
    { kind: 'yes', name: 'closed', label: 'budgets.closed' },
    { kind: 'choice', name: 'kind', label: 'budgets.of', prefix: 'budget_scopes', choices: ['slot', 'trunk', 'carrier', 'center'] },
    { kind: 'text', name: 'name', label: 'columns.name', operator: 'prefix' },
];

/** Budgets against toll fraud: how much each allows, and how much of that is used. */
export function BudgetList() {
    const t = useT();
    const navigate = useNavigate();
    const may = useCanDo('budgets');
    const tell = useTell();
    const refresh = useFollowBudgets();
    const [releasing, setReleasing] = useState<Budget>();
    const create = may('create') && (
        <Button component={Link} to="/budgets/create" variant="contained" startIcon={<Add />}>
            {t('budgets.create')}
        </Button>
    );
    const release = (budget: Budget) => (
        <Button color="inherit" onClick={() => setReleasing(budget)} aria-label={t('budgets.release_one', { name: budget.name })}>
            {t('budgets.release')}
        </Button>
    );
    return (
        <>
            <ListPage<Budget>
                resource="budgets"
                title={t('nav.budgets')}
                about={
                    <>
                        {t('budgets.about')}
                        <Closed release={may('update') ? release : undefined} />
                    </>
                }
                columns={COLUMNS}
                filters={FILTERS}
                sort={{ field: 'name', order: 'ASC' }}
                actions={create}
                onOpen={(budget) => void navigate(`/budgets/${encodeURIComponent(budget.id)}`)}
                // Where there is room left, there is nothing to release.
                rowActions={may('update') ? (budget) => (stateOf(budget) === 'open' ? null : release(budget)) : undefined}
                empty={<Empty icon={SavingsOutlined} title={t('budgets.empty')} hint={t('budgets.empty_hint')} action={create} />}
            />
            {releasing && (
                <ReleaseDialog
                    budget={releasing}
                    onClose={() => setReleasing(undefined)}
                    onDone={async () => {
                        await refresh();
                        tell(t('budgets.released', { name: releasing.name }));
                    }}
                />
            )}
        </>
    );
}

/** The closed ones before all others: somebody waits for them. */
function Closed({ release }: { release: ((budget: Budget) => ReactNode) | undefined }) {
    const t = useT();
    const code = useCode();
    const reason = useReason();
    const { data, total } = useGetList<Budget>('budgets', { filter: { closed: true }, sort: { field: 'name', order: 'ASC' }, pagination: { page: 1, perPage: CLOSED_MAX } }, { retry: false, onError: () => undefined });
    if (!data?.length) return null;
    return (
        <Alert severity="error" role="status" sx={{ mt: 1, color: 'text.primary' }}>
            <strong>{t('budgets.closed_now', { smart_count: Math.max(data.length, total ?? 0) })}</strong>
            <Box component="ul" aria-label={t('budgets.closed')} sx={{ listStyle: 'none', m: 0, p: 0 }}>
                {data.map((budget) => (
                    <Box component="li" key={budget.id} sx={{ display: 'flex', alignItems: 'center', gap: 1, flexWrap: 'wrap' }}>
                        <bdi>
                            {code('budget_scopes', budget.kind)} {budget.name}
                        </bdi>
                        – {reason(budget).join('; ')}
                        {release?.(budget)}
                    </Box>
                ))}
            </Box>
        </Alert>
    );
}
