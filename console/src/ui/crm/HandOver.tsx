import FormControlLabel from '@mui/material/FormControlLabel';
import MenuItem from '@mui/material/MenuItem';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import TextField from '@mui/material/TextField';
import { useState } from 'react';
import { useCan } from '@/access/me';
import { NOTE_MAX, type HandOverHow, type Lead } from '@/api/crm';
import { useT } from '@/i18n';
import { FormDialog } from '../FormDialog';
import { useTell } from '../problems';
import { useLeadDeeds, useLeadName } from './leads';
import { useSellers } from './sellers';
import { WhenField } from './WhenField';

/** Hands a lead over: to whom, when they are to call back, and what they should know. */
export function HandOverDialog({ lead, onClose, onDone }: { lead: Lead; onClose: () => void; onDone?: () => void }) {
    const t = useT();
    const can = useCan();
    const tell = useTell();
    const name = useLeadName()(lead);
    const deeds = useLeadDeeds();
    const { data: sellers, error } = useSellers();
    const [how, setHow] = useState<HandOverHow>('user');
    const [to, setTo] = useState('');
    const [at, setAt] = useState<number | null>(null);
    const [comment, setComment] = useState('');
    const others = sellers?.filter(({ id }) => id !== lead.assigned_seller) ?? [];
    const hand = async () => {
        const handed = await deeds.handOver(lead, {
            how,
            ...(how === 'user' && { user_id: to }),
            ...(at !== null && { next_action_at: at }),
            ...(comment.trim() && { comment: comment.trim() }),
            version: lead.version,
        });
        const who = sellers?.find(({ id }) => id === (handed?.assigned_seller ?? to))?.name;
        tell(who ? t('leads.handed', { who }) : t('leads.handed_on'));
        onDone?.();
    };
    return (
        <FormDialog title={t('leads.hand_over_title', { name })} action={t('leads.hand_over')} isReady={how !== 'user' || to !== ''} onSubmit={hand} onClose={onClose} fields={['user_id', 'next_action_at', 'comment']}>
            {(said) => (
                <>
                    <RadioGroup value={how} onChange={(_, value) => setHow(value as HandOverHow)} aria-label={t('leads.to_whom')}>
                        <FormControlLabel value="user" control={<Radio size="small" autoFocus />} label={t('leads.to_user')} />
                        <FormControlLabel value="round_robin" control={<Radio size="small" />} label={t('leads.to_turn')} />
                        <FormControlLabel value="source" control={<Radio size="small" />} label={lead.source ? t('leads.to_source', { source: lead.source }) : t('leads.to_source_unknown')} disabled={!lead.source} />
                    </RadioGroup>
                    {how === 'user' && (
                        <TextField select required label={t('columns.assigned_seller')} value={to} onChange={(event) => setTo(event.target.value)} {...said('user_id', error ? t('leads.no_sellers') : '')}>
                            {others.map((seller) => (
                                <MenuItem key={seller.id} value={seller.id}>
                                    <bdi>{t('leads.seller_open', { name: seller.name, count: seller.open_leads })}</bdi>
                                </MenuItem>
                            ))}
                        </TextField>
                    )}
                    <WhenField value={at} onChange={setAt} label={t('leads.call_back_at')} {...said('next_action_at', '')} />
                    {can('notes.create') && <TextField multiline minRows={2} label={t('leads.comment')} value={comment} onChange={(event) => setComment(event.target.value)} {...said('comment', t('leads.comment_hint'))} slotProps={{ htmlInput: { maxLength: NOTE_MAX } }} />}
                </>
            )}
        </FormDialog>
    );
}
