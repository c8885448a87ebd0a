import DownloadOutlined from '@mui/icons-material/DownloadOutlined';
import Forward5 from '@mui/icons-material/Forward5';
import HelpOutlined from '@mui/icons-material/HelpOutlineOutlined';
import Pause from '@mui/icons-material/Pause';
import PlayArrow from '@mui/icons-material/PlayArrow';
import Replay5 from '@mui/icons-material/Replay5';
import Box from '@mui/material/Box';
import IconButton from '@mui/material/IconButton';
import MenuItem from '@mui/material/MenuItem';
import Select from '@mui/material/Select';
import Stack from '@mui/material/Stack';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useCan } from '@/access/me';
import { useFormat, useT } from '@/i18n';
import { useKeysHelp } from '@/ui/keys/useKeys';
import { lengthOf } from './heard';
import type { Sound } from './sound/useSound';
import { SPEEDS } from './speeds';
import { JUMP_S } from './WaveBox';

/** What a recording is played with by mouse. */
export function Controls({ callId, sound }: { callId: string; sound: Sound }) {
    const t = useT();
    const can = useCan();
    const format = useFormat();
    const help = useKeysHelp();
    return (
        <Stack direction="row" sx={{ alignItems: 'center', gap: 0.5, mt: 1 }}>
            <Tooltip title={t('player.back')}>
                <IconButton onClick={() => sound.jump(-JUMP_S)} aria-label={t('player.back')}>
                    <Replay5 />
                </IconButton>
            </Tooltip>
            <Tooltip title={sound.playing ? t('player.pause') : t('player.play')}>
                <span>
                    <IconButton
                        onClick={sound.toggle}
                        aria-label={sound.playing ? t('player.pause') : t('player.play')}
                        disabled={!sound.url}
                        sx={{ bgcolor: 'primary.main', color: 'primary.contrastText', borderRadius: '50%', width: 40, height: 40, '&:hover': { bgcolor: 'primary.dark' } }}
                    >
                        {sound.playing ? <Pause /> : <PlayArrow />}
                    </IconButton>
                </span>
            </Tooltip>
            <Tooltip title={t('player.on')}>
                <IconButton onClick={() => sound.jump(JUMP_S)} aria-label={t('player.on')}>
                    <Forward5 />
                </IconButton>
            </Tooltip>
            <Typography component="span" variant="body2" sx={{ ml: 1, fontVariantNumeric: 'tabular-nums' }}>
                {format.duration(sound.at * 1000)} / {format.duration(sound.length * 1000)}
            </Typography>
            <Typography component="span" variant="body2" sx={{ ml: 1.5, color: 'text.secondary', fontVariantNumeric: 'tabular-nums' }}>
                {t('player.heard', { share: format.percent(Math.min(1, lengthOf(sound.heard) / 1000 / Math.max(sound.length, 0.1))) })}
            </Typography>
            <Box sx={{ flex: 1 }} />
            <Tooltip title={t('player.speed')}>
                <Select
                    value={sound.speed}
                    onChange={(event) => sound.setSpeed(Number(event.target.value))}
                    variant="standard"
                    disableUnderline
                    slotProps={{ input: { 'aria-label': t('player.speed') } }}
                    sx={{ fontSize: '0.8125rem', fontWeight: 600, '& .MuiSelect-select': { py: 0.5 } }}
                >
                    {SPEEDS.map((each) => (
                        <MenuItem key={each} value={each}>
                            {format.number(each)}×
                        </MenuItem>
                    ))}
                </Select>
            </Tooltip>
            {can('recordings.download') && sound.url && (
                <Tooltip title={t('player.download')}>
                    <IconButton component="a" href={sound.url} download={`${callId}.wav`} aria-label={t('player.download')}>
                        <DownloadOutlined fontSize="small" />
                    </IconButton>
                </Tooltip>
            )}
            <Tooltip title={t('keys.help')}>
                <IconButton onClick={help} aria-label={t('keys.help')}>
                    <HelpOutlined fontSize="small" />
                </IconButton>
            </Tooltip>
        </Stack>
    );
}
