import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState } from 'react';
import { useCan } from '@/access/me';
import { LEAD_NAME_MAX, type Lead } from '@/api/crm';
import { useT } from '@/i18n';
import type { Card } from '@/live/cards';
import { useCards } from '@/live/useCards';
import { useClient } from '@/providers/services';
import { useLeadDeeds } from '@/ui/crm/leads';
import { FormDialog } from '@/ui/FormDialog';

/** A number that nobody has: for who may make leads, one is made of it. */
export function NewLead({ card }: { card: Card }) {
    const t = useT();
    const can = useCan();
    const client = useClient();
    const { shown } = useLeadDeeds();
    const { cards } = useCards();
    const [open, setOpen] = useState(false);
    const [name, setName] = useState('');
    const make = async () => {
        const lead = await client.post<Lead>('/crm/leads', { phone: card.number, ...(name.trim() && { client_name: name.trim() }), ...(card.source && { source: card.source }) });
        shown(lead);
        cards.choose(card.callId, lead.id);
        cards.result(card.callId);
    };
    return (
        <Box sx={{ border: 1, borderStyle: 'dashed', borderColor: 'divider', borderRadius: 1, px: 1.5, py: 1, mb: 1, display: 'flex', alignItems: 'center', gap: 1 }}>
            <Typography variant="body2" sx={{ flex: 1 }}>
                {t('desk.unknown')}
            </Typography>
            {can('leads.create') && card.number && (
                <Button variant="outlined" onClick={() => setOpen(true)}>
                    {t('desk.make_lead')}
                </Button>
            )}
            {open && (
                <FormDialog title={t('leads.create')} action={t('form.create')} isReady onSubmit={make} onClose={() => setOpen(false)} fields={['client_name', 'phone']}>
                    {(said) => <TextField autoFocus label={t('columns.client_name')} value={name} onChange={(event) => setName(event.target.value)} {...said('client_name', '')} slotProps={{ htmlInput: { maxLength: LEAD_NAME_MAX } }} />}
                </FormDialog>
            )}
        </Box>
    );
}
