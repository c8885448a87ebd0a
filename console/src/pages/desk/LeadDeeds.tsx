import ForwardOutlined from '@mui/icons-material/ForwardOutlined';
import Button from '@mui/material/Button';
import Stack from '@mui/material/Stack';
import { useState } from 'react';
import { useCan } from '@/access/me';
import { isOpenLead, type Lead } from '@/api/crm';
import { useT } from '@/i18n';
import { HandOverDialog } from '@/ui/crm/HandOver';
import { Moves } from '@/ui/crm/Moves';
import { useKeys } from '@/ui/keys/useKeys';

/** What can be done with the lead that a call is with. */
export function LeadDeeds({ lead, onResult }: { lead: Lead; onResult: () => void }) {
    const t = useT();
    const can = useCan();
    const [handing, setHanding] = useState(false);
    const isHandable = can('leads.hand_over') && isOpenLead(lead);
    useKeys(t('desk.card'), isHandable ? [{ on: 'KeyH', what: t('leads.hand_over'), do: () => setHanding(true) }] : []);
    return (
        <Stack direction="row" sx={{ gap: 1, flexWrap: 'wrap' }}>
            <Moves lead={lead} keyOn="KeyS" onDone={onResult} />
            {isHandable && (
                <Button variant="outlined" startIcon={<ForwardOutlined />} onClick={() => setHanding(true)}>
                    {t('leads.hand_over')}
                </Button>
            )}
            {handing && <HandOverDialog lead={lead} onClose={() => setHanding(false)} onDone={onResult} />}
        </Stack>
    );
}
