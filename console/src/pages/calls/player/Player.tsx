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
import Slider from '@mui/material/Slider';
import Stack from '@mui/material/Stack';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useTheme } from '@mui/material/styles';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useCan } from '@/access/me';
import type { Channel, Peaks, Recording, Ticket } from '@/api/types';
import { phone, useCode, useFormat, useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { useKeys, useKeysHelp } from '@/ui/keys/useKeys';
import { ProblemBox } from '@/ui/problems';
import { Nothing } from '@/ui/values';
import { SPEEDS, stepSpeed } from './speeds';
import { WAVE_PX, Waves } from './Waves';

const JUMP_S = 5;
/** How often in a row a new ticket is asked for before it counts as broken. */
const RENEWALS_MAX = 2;

/** Plays a recording. The server has made its outline, so nothing is decoded here, and it can be heard from any place at once. */
export default function Player({ callId, recording }: { callId: string; recording: Recording }) {
    const t = useT();
    const can = useCan();
    const format = useFormat();
    const client = useClient();
    const theme = useTheme();
    const help = useKeysHelp();
    const frame = useRef<HTMLDivElement>(null);
    const sound = useRef<HTMLAudioElement>(null);
    const renewals = useRef(0);
    /** Where to go on, and whether to, when the sound has been fetched by a new ticket. */
    const resume = useRef<{ at: number; plays: boolean }>(undefined);
    const [playing, setPlaying] = useState(false);
    const [at, setAt] = useState(0);
    const [length, setLength] = useState(recording.duration_ms / 1000);
    const [speed, setSpeed] = useState(1);
    const [broken, setBroken] = useState(false);

    const path = `/calls/${encodeURIComponent(callId)}/recording`;
    const ticket = useQuery({ queryKey: ['calls', callId, 'ticket', recording.state], queryFn: () => client.post<Ticket>(`${path}/token`), staleTime: Infinity, gcTime: 0, retry: 1 });
    // Without an outline (the call goes on, or it cannot be made) a plain line does.
    const peaks = useQuery({ queryKey: ['calls', callId, 'peaks'], queryFn: () => client.get<Peaks>(`${path}/peaks`), enabled: recording.state !== 'recording', staleTime: Infinity, retry: false });
    const url = ticket.data?.url;
    const colours: [string, string] = [theme.palette.primary.main, theme.palette.secondary.main];

    useEffect(() => {
        if (!sound.current) return;
        sound.current.playbackRate = speed;
        sound.current.preservesPitch = true;
    }, [speed, url]);

    const seek = (to: number) => {
        const audio = sound.current;
        if (!audio) return;
        audio.currentTime = Math.min(Math.max(0, to), Number.isFinite(audio.duration) ? audio.duration : length);
        setAt(audio.currentTime);
    };
    const play = () => {
        // A pause that comes before the sound is there ends the attempt, which is no failure.
        sound.current?.play().catch((problem: unknown) => problem instanceof DOMException && problem.name !== 'AbortError' && setBroken(true));
    };
    const toggle = () => {
        if (sound.current?.paused) play();
        else sound.current?.pause();
    };
    const jump = (by: number) => seek((sound.current?.currentTime ?? 0) + by);
    useKeys(
        t('player.title'),
        [
            { on: 'Space', what: t('player.toggle'), do: toggle },
            { on: 'ArrowLeft', what: t('player.back'), do: () => jump(-JUMP_S), repeats: true },
            { on: 'ArrowRight', what: t('player.on'), do: () => jump(JUMP_S), repeats: true },
            { on: 'ArrowUp', what: t('player.faster'), do: () => setSpeed(stepSpeed(speed, 1)) },
            { on: 'ArrowDown', what: t('player.slower'), do: () => setSpeed(stepSpeed(speed, -1)) },
        ],
        frame,
    );

    // A ticket runs out while one listens: with a new one it goes on where it stopped.
    const onSoundError = () => {
        renewals.current += 1;
        if (renewals.current > RENEWALS_MAX) {
            setBroken(true);
            return;
        }
        resume.current = { at, plays: playing };
        void ticket.refetch();
    };
    const onSoundThere = () => {
        renewals.current = 0;
        setBroken(false);
        const audio = sound.current;
        if (!audio) return;
        if (Number.isFinite(audio.duration)) setLength(audio.duration);
        audio.playbackRate = speed;
        if (resume.current) {
            audio.currentTime = resume.current.at;
            if (resume.current.plays) play();
            resume.current = undefined;
        }
    };
    const tryAgain = () => {
        renewals.current = 0;
        setBroken(false);
        void ticket.refetch();
    };

    if (ticket.error) return <ProblemBox error={ticket.error} onRetry={tryAgain} />;
    return (
        <Box ref={frame} role="group" aria-label={t('player.title')}>
            {/* oxlint-disable-next-line jsx-a11y/media-has-caption -- nobody has written down what was said */}
            <audio
                ref={sound}
                src={url}
                preload="metadata"
                onLoadedMetadata={onSoundThere}
                onError={onSoundError}
                onPlay={() => setPlaying(true)}
                onPause={() => setPlaying(false)}
                onTimeUpdate={(event) => setAt(event.currentTarget.currentTime)}
            />
            {broken && <ProblemBox error={new Error()} text={t('player.broken')} onRetry={tryAgain} />}
            <Box sx={{ display: 'grid', gridTemplateColumns: 'minmax(110px, max-content) 1fr', columnGap: 2 }}>
                <Stack sx={{ justifyContent: 'space-around', height: WAVE_PX * 2 }}>
                    <ChannelLabel side="left" channel={recording.left} colour={colours[0]} />
                    <ChannelLabel side="right" channel={recording.right} colour={colours[1]} />
                </Stack>
                <Box sx={{ minHeight: WAVE_PX * 2, minWidth: 0, display: 'grid', alignItems: 'center' }}>
                    {peaks.data && url ? (
                        <Waves sound={sound} peaks={peaks.data} colours={colours} />
                    ) : (
                        <Slider size="small" min={0} max={Math.max(length, 0.1)} step={0.1} value={at} aria-label={t('player.position')} onChange={(_, to) => seek(to)} />
                    )}
                </Box>
            </Box>
            <Stack direction="row" sx={{ alignItems: 'center', gap: 0.5, mt: 1 }}>
                <Tooltip title={t('player.back')}>
                    <IconButton onClick={() => jump(-JUMP_S)} aria-label={t('player.back')}>
                        <Replay5 />
                    </IconButton>
                </Tooltip>
                <Tooltip title={playing ? t('player.pause') : t('player.play')}>
                    <span>
                        <IconButton
                            onClick={toggle}
                            aria-label={playing ? t('player.pause') : t('player.play')}
                            disabled={!url}
                            sx={{ bgcolor: 'primary.main', color: 'primary.contrastText', borderRadius: '50%', width: 40, height: 40, '&:hover': { bgcolor: 'primary.dark' } }}
                        >
                            {playing ? <Pause /> : <PlayArrow />}
                        </IconButton>
                    </span>
                </Tooltip>
                <Tooltip title={t('player.on')}>
                    <IconButton onClick={() => jump(JUMP_S)} aria-label={t('player.on')}>
                        <Forward5 />
                    </IconButton>
                </Tooltip>
                <Typography component="span" variant="body2" sx={{ ml: 1, fontVariantNumeric: 'tabular-nums' }}>
                    {format.duration(at * 1000)} / {format.duration(length * 1000)}
                </Typography>
                <Box sx={{ flex: 1 }} />
                <Tooltip title={t('player.speed')}>
                    <Select
                        value={speed}
                        onChange={(event) => setSpeed(Number(event.target.value))}
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
                {can('recordings.download') && url && (
                    <Tooltip title={t('player.download')}>
                        <IconButton component="a" href={url} download={`${callId}.wav`} aria-label={t('player.download')}>
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
        </Box>
    );
}

function ChannelLabel({ side, channel, colour }: { side: 'left' | 'right'; channel: Channel; colour: string }) {
    const t = useT();
    const code = useCode();
    return (
        <Box sx={{ borderLeft: `3px solid ${colour}`, pl: 1, lineHeight: 1.3 }}>
            <Typography variant="body2" component="div" sx={{ fontWeight: 600 }}>
                {channel.number ? <bdi>{phone(channel.number)}</bdi> : <Nothing />}
            </Typography>
            <Typography variant="caption" component="div" sx={{ color: 'text.secondary' }}>
                {t(`player.${side}`)} · {code('player.roles', channel.role)}
            </Typography>
        </Box>
    );
}
