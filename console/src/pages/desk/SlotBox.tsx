import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useCode, useFormat, useT } from '@/i18n';
import { useMySlot } from '@/live/board';
import { Section } from '@/ui/page';
import { SLOT_TONES } from '@/ui/tones';
import { Badge, Ticking } from '@/ui/values';

/** One's own slot, and how it is. What is done with it stands in the bar. */
export function SlotBox() {
    const t = useT();
    const code = useCode();
    const format = useFormat();
    const { slot } = useMySlot();
    if (slot === undefined) return null;
    return (
        <Section>
            {slot === null ? (
                <Typography variant="body2">{t('desk.no_slot')}</Typography>
            ) : (
                <>
                    <Box sx={{ display: 'flex', gap: 1, alignItems: 'center', flexWrap: 'wrap' }}>
                        <Typography variant="h2" component="span">
                            {t('desk.slot', { slot: slot.number })}
                        </Typography>
                        <Badge tone={SLOT_TONES[slot.state]}>{code('slot_states', slot.state)}</Badge>
                        <Ticking since={slot.since} />
                    </Box>
                    {!slot.registered && (
                        <Typography variant="body2" role="status" sx={{ color: 'error.main', mt: 0.5 }}>
                            {t('desk.phone_off', { slot: slot.number, time: format.short(slot.since) })}
                        </Typography>
                    )}
                </>
            )}
        </Section>
    );
}
