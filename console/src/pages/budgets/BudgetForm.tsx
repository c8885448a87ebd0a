import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import { useQueryClient } from '@tanstack/react-query';
import { useRecordContext } from 'ra-core';
import { useState } from 'react';
import { useCanDo } from '@/access/me';
import type { Budget } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { CreatePage, EditPage } from '@/ui/form/FormPage';
import { Section } from '@/ui/page';
import { useTell } from '@/ui/problems';
import { useFollowBudgets } from './follow';
import { LimitFields } from './LimitFields';
import { BudgetState, Lines } from './Lines';
import { OutsideFields } from './OutsideFields';
import { ReleaseDialog } from './ReleaseDialog';
import { ScopeFields } from './ScopeFields';
import { budgetPlace, budgetToWire, newBudget } from './wire';

/** A budget for something that has none. */
export function BudgetCreate() {
    const t = useT();
    return (
        <CreatePage<Budget> resource="budgets" title={t('budgets.create')} about={t('budgets.create_about')} defaults={newBudget()} transform={budgetToWire} place={budgetPlace} width={1000}>
            <Section title={t('budgets.of')}>
                <ScopeFields />
            </Section>
            <BudgetFields />
        </CreatePage>
    );
}

/** A budget: how it stands, and what it allows. */
export function BudgetEdit() {
    const t = useT();
    const code = useCode();
    const may = useCanDo('budgets');
    return (
        <EditPage<Budget>
            resource="budgets"
            title={(budget) => `${code('budget_scopes', budget.kind)} ${budget.name}`}
            actions={(budget) => may('update') && <ReleaseButton budget={budget} />}
            transform={budgetToWire}
            place={budgetPlace}
            deleteText={() => t('budgets.delete_text')}
            width={1000}
        >
            <Now />
            <BudgetFields />
        </EditPage>
    );
}

function BudgetFields() {
    const t = useT();
    return (
        <>
            <Section title={t('budgets.always')} about={t('budgets.always_about')}>
                <LimitFields source="limits" label={t('budgets.always')} />
            </Section>
            <Section title={t('budgets.outside')} about={t('budgets.outside_about')}>
                <OutsideFields />
            </Section>
        </>
    );
}

/** How it stands at this moment. */
function Now() {
    const t = useT();
    const budget = useRecordContext<Budget>();
    useFollowBudgets();
    if (!budget) return null;
    return (
        <Section title={t('carriers.now')}>
            <Box sx={{ fontSize: '0.8125rem', display: 'grid', gap: 1 }}>
                <BudgetState budget={budget} />
                <Lines budget={budget} wide />
            </Box>
        </Section>
    );
}

function ReleaseButton({ budget }: { budget: Budget }) {
    const t = useT();
    const tell = useTell();
    const queries = useQueryClient();
    const [open, setOpen] = useState(false);
    return (
        <>
            <Button variant="outlined" onClick={() => setOpen(true)}>
                {t('budgets.release')}
            </Button>
            {open && (
                <ReleaseDialog
                    budget={budget}
                    onClose={() => setOpen(false)}
                    onDone={async () => {
                        await queries.invalidateQueries({ queryKey: ['budgets'] });
                        tell(t('budgets.released', { name: budget.name }));
                    }}
                />
            )}
        </>
    );
}
