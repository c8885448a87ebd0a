import TextField from '@mui/material/TextField';
import { useState } from 'react';
import type { Budget } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { FormDialog } from '@/ui/FormDialog';

/** The most characters of a reason. */
const REASON_MAX = 200;

/** Releases a budget by hand, with the reason that the audit log keeps. */
export function ReleaseDialog({ budget, onDone, onClose }: { budget: Budget; onDone: () => Promise<void>; onClose: () => void }) {
    const t = useT();
    const code = useCode();
    const client = useClient();
    const [reason, setReason] = useState('');
    const release = async () => {
        await client.post(`/security/budgets/${encodeURIComponent(budget.kind)}/${encodeURIComponent(budget.scope_id)}/release`, { reason: reason.trim() });
        await onDone();
    };
    return (
        <FormDialog
            title={<bdi>{t('budgets.release_title', { name: `${code('budget_scopes', budget.kind)} ${budget.name}` })}</bdi>}
            action={t('budgets.release')}
            isReady={Boolean(reason.trim())}
            onSubmit={release}
            onClose={onClose}
            fields={['reason']}
        >
            {(said) => (
                <>
                    {t('budgets.release_text')}
                    <TextField autoFocus required label={t('budgets.reason')} value={reason} onChange={(event) => setReason(event.target.value)} {...said('reason', t('budgets.reason_hint'))} slotProps={{ htmlInput: { maxLength: REASON_MAX } }} />
                </>
            )}
        </FormDialog>
    );
}
