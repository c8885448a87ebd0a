import ExpandMore from '@mui/icons-material/ExpandMore';
import Button from '@mui/material/Button';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useRef, useState } from 'react';
import { LEAD_TEXT_MAX, type Lead, type LeadStep } from '@/api/crm';
import { useCode, useT } from '@/i18n';
import { Problem } from '@/providers/problem';
import { Confirm } from '../confirm';
import { FormDialog } from '../FormDialog';
import { useKeys } from '../keys/useKeys';
import { useTell, useTellProblem } from '../problems';
import { useLeadDeeds, useLeadSteps } from './leads';

/** Leads a lead on: what can happen to it next, as the server says for whoever asks. What takes a reason asks for it. Nothing, if nothing leads on. */
export function Moves({ lead, keyOn, onDone }: { lead: Lead; /** The key that opens the menu. */ keyOn?: string; onDone?: () => void }) {
    const t = useT();
    const code = useCode();
    const deeds = useLeadDeeds();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const button = useRef<HTMLButtonElement>(null);
    const [open, setOpen] = useState(false);
    const [asking, setAsking] = useState<LeadStep>();
    const [converting, setConverting] = useState<LeadStep>();
    const [busy, setBusy] = useState(false);
    const { data } = useLeadSteps(lead);
    const owned = lead.assigned_seller != null || lead.assigned_operator != null;
    // Who it is to be is said where it is given to somebody.
    const steps = (data?.allowed ?? []).filter((step) => (owned || !step.needs.includes('assignee')));
    useKeys(t('leads.keys'), steps.length > 0 && keyOn ? [{ on: keyOn, what: t('leads.move'), do: () => setOpen(true) }] : []);
    if (steps.length === 0) return null;
    const happen = async (step: LeadStep, reason?: string) => {
        try {
            const { status } = await deeds.happen(lead, step.event, reason);
            tell(t('leads.moved', { status: code('lead_statuses', status) }));
            onDone?.();
        } catch (problem) {
            // Somebody else was first: what can be done now is another thing.
            if (problem instanceof Problem && problem.status === 409) void deeds.again(lead);
            throw problem;
        }
    };
    const choose = (step: LeadStep) => {
        setOpen(false);
        if (step.needs.includes('reason')) return setAsking(step);
        if (step.event === 'convert') return setConverting(step);
        setBusy(true);
        happen(step)
            .catch(tellProblem)
            .finally(() => setBusy(false));
    };
    return (
        <>
            <Button ref={button} variant="contained" endIcon={<ExpandMore />} loading={busy} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(true)}>
                {t('leads.move')}
            </Button>
            <Menu anchorEl={() => button.current} open={open} onClose={() => setOpen(false)}>
                {steps.map((step) => (
                    <MenuItem key={step.event} onClick={() => choose(step)} sx={step.needs.includes('reason') ? { color: 'error.main' } : undefined}>
                        {code('lead_events', step.event)}
                    </MenuItem>
                ))}
            </Menu>
            <Confirm open={converting !== undefined} title={t('leads.convert_title')} action={code('lead_events', 'convert')} onClose={() => setConverting(undefined)} onConfirm={() => (converting ? happen(converting) : Promise.resolve())}>
                {t('leads.convert_text')}
            </Confirm>
            {asking && <ReasonDialog step={asking} onSubmit={(reason) => happen(asking, reason)} onClose={() => setAsking(undefined)} />}
        </>
    );
}

/** Asks why, which nobody is let off. */
function ReasonDialog({ step, onSubmit, onClose }: { step: LeadStep; onSubmit: (reason: string) => Promise<void>; onClose: () => void }) {
    const t = useT();
    const code = useCode();
    const [reason, setReason] = useState('');
    return (
        <FormDialog
            title={step.event === 'dnc' ? t('leads.dnc_why') : t('leads.lost_why')}
            action={code('lead_events', step.event)}
            danger
            isReady={reason.trim() !== ''}
            onSubmit={() => onSubmit(reason.trim())}
            onClose={onClose}
            fields={['reason']}
        >
            {(said) => (
                <TextField
                    autoFocus
                    required
                    multiline
                    minRows={2}
                    label={t('leads.reason')}
                    value={reason}
                    onChange={(event) => setReason(event.target.value)}
                    {...said('reason', t('leads.reason_hint'))}
                    slotProps={{ htmlInput: { maxLength: LEAD_TEXT_MAX } }}
                />
            )}
        </FormDialog>
    );
}
