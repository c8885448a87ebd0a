import Box from '@mui/material/Box';
import Chip from '@mui/material/Chip';
import TextField from '@mui/material/TextField';
import { dayStart, fromWall, toWall, useFormat, useT } from '@/i18n';
import { useNow } from '../values';

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** When something is to be done: what is said most often at one touch, any other time by hand. In the person's time zone. */
export function WhenField({ value, onChange, label, error, helperText }: { value: number | null; onChange: (at: number | null) => void; label?: string; error?: boolean; helperText?: string }) {
    const t = useT();
    const format = useFormat();
    const now = useNow(MINUTE);
    const evening = dayStart(format.tz, 0, now) + 18 * HOUR;
    const morning = dayStart(format.tz, 1, now) + 10 * HOUR;
    const clock = (at: number) => format.short(at, at);
    const choices: [string, number | null][] = [
        [t('leads.in_an_hour'), Math.ceil((now + HOUR) / (5 * MINUTE)) * 5 * MINUTE],
        ...(evening > now + HOUR ? [[t('leads.today_evening', { time: clock(evening) }), evening] as [string, number]] : []),
        [t('leads.tomorrow_morning', { time: clock(morning) }), morning],
        [t('leads.when_none'), null],
    ];
    return (
        <Box>
            <TextField
                type="datetime-local"
                fullWidth
                label={label ?? t('leads.when')}
                value={value === null ? '' : toWall(value, format.tz)}
                onChange={(event) => onChange(event.target.value ? (fromWall(event.target.value, format.tz) ?? null) : null)}
                error={error}
                helperText={helperText || t('leads.zone', { zone: `${format.tz}, ${format.zone()}` })}
                slotProps={{ inputLabel: { shrink: true } }}
            />
            <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 0.5, mt: 0.5 }}>
                {choices.map(([text, at]) => (
                    <Chip key={text} size="small" variant="outlined" label={text} onClick={() => onChange(at)} color={at === value ? 'primary' : 'default'} />
                ))}
            </Box>
        </Box>
    );
}
