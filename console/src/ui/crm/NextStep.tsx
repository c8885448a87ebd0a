import EventOutlined from '@mui/icons-material/EventOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useRef, useState } from 'react';
import { isOpenLead, LEAD_TEXT_MAX, type Lead } from '@/api/crm';
import { useFormat, useT } from '@/i18n';
import { FormDialog } from '../FormDialog';
import { useKeys } from '../keys/useKeys';
import { useTell, useTellProblem } from '../problems';
import { Badge, useNow } from '../values';
import { useLeadColumns, useLeadDeeds } from './leads';
import { WhenField } from './WhenField';

/** What is to be done next with a lead, and when; for who may change it also how that is said. */
export function NextStep({ lead, keyOn }: { lead: Lead; /** The key that opens the dialog. */ keyOn?: string }) {
    const t = useT();
    const format = useFormat();
    const now = useNow(60_000);
    const deeds = useLeadDeeds();
    const tell = useTell();
    const tellProblem = useTellProblem();
    const { writes } = useLeadColumns();
    const [open, setOpen] = useState(false);
    const button = useRef<HTMLButtonElement>(null);
    const isWritable = isOpenLead(lead) && writes('next_action') && writes('next_action_at');
    useKeys(t('leads.keys'), isWritable && keyOn ? [{ on: keyOn, what: t('leads.next_title'), do: () => button.current?.click() }] : []);
    const isPromised = Boolean(lead.next_action) || lead.next_action_at != null;
    const isOverdue = lead.next_action_at != null && lead.next_action_at < now;
    const done = () =>
        deeds
            .change(lead, { next_action: '', next_action_at: null })
            .then(() => tell(t('leads.next_gone')))
            .catch(tellProblem);
    return (
        <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, flexWrap: 'wrap' }}>
            <EventOutlined sx={{ fontSize: 18, color: 'text.secondary' }} />
            <Typography variant="body1" component="div" sx={{ flex: '1 1 220px', minWidth: 0, overflowWrap: 'anywhere' }}>
                {lead.next_action_at != null &&
                    (isOverdue ? (
                        <Badge tone="bad">{t('leads.overdue', { time: format.short(lead.next_action_at, now) })}</Badge>
                    ) : (
                        <time dateTime={new Date(lead.next_action_at).toISOString()}>
                            <strong>{format.short(lead.next_action_at, now)}</strong>
                        </time>
                    ))}{' '}
                {lead.next_action && <bdi>{lead.next_action}</bdi>}
                {!isPromised && (
                    <Box component="span" sx={{ color: 'text.secondary' }}>
                        {t('leads.next_none')}
                    </Box>
                )}
            </Typography>
            {isWritable && isPromised && (
                <Button color="inherit" onClick={() => void done()}>
                    {t('leads.next_done')}
                </Button>
            )}
            {isWritable && (
                <Button ref={button} variant="outlined" onClick={() => setOpen(true)}>
                    {isPromised ? t('leads.next_change') : t('leads.next_set')}
                </Button>
            )}
            {open && <NextDialog lead={lead} onClose={() => setOpen(false)} />}
        </Box>
    );
}

function NextDialog({ lead, onClose }: { lead: Lead; onClose: () => void }) {
    const t = useT();
    const deeds = useLeadDeeds();
    const tell = useTell();
    const [what, setWhat] = useState(lead.next_action ?? '');
    const [at, setAt] = useState<number | null>(lead.next_action_at);
    const keep = async () => {
        await deeds.change(lead, { next_action: what.trim(), next_action_at: at });
        tell(t('leads.next_kept'));
    };
    return (
        <FormDialog title={t('leads.next_title')} action={t('form.save')} isReady onSubmit={keep} onClose={onClose} fields={['next_action', 'next_action_at']}>
            {(said) => (
                <>
                    <TextField
                        autoFocus
                        label={t('columns.next_action')}
                        value={what}
                        onChange={(event) => setWhat(event.target.value)}
                        {...said('next_action', t('leads.next_action_hint'))}
                        slotProps={{ htmlInput: { maxLength: LEAD_TEXT_MAX } }}
                    />
                    <WhenField value={at} onChange={setAt} {...said('next_action_at', '')} />
                </>
            )}
        </FormDialog>
    );
}
