import Forward5 from '@mui/icons-material/Forward5';
import Pause from '@mui/icons-material/Pause';
import PlayArrow from '@mui/icons-material/PlayArrow';
import Replay5 from '@mui/icons-material/Replay5';
import SkipNext from '@mui/icons-material/SkipNext';
import SkipPrevious from '@mui/icons-material/SkipPrevious';
import TaskAlt from '@mui/icons-material/TaskAlt';
import Box from '@mui/material/Box';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import MenuItem from '@mui/material/MenuItem';
import Select from '@mui/material/Select';
import Switch from '@mui/material/Switch';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useEffectEvent, type ReactNode, type RefObject } from 'react';
import { useSettings } from '@/access/settings';
import type { HeardCall } from '@/api/listening';
import type { Recording } from '@/api/types';
import { useFormat, useT } from '@/i18n';
import { useTopic } from '@/live/hooks';
import { GoneBox } from '@/pages/calls/player/GoneBox';
import { lengthOf, union } from '@/pages/calls/player/heard';
import type { Gone } from '@/pages/calls/player/Hearing';
import { useSound } from '@/pages/calls/player/sound/useSound';
import { SPEEDS, stepSpeed } from '@/pages/calls/player/speeds';
import { useHeard } from '@/pages/calls/player/useHeard';
import { JUMP_S, WaveBox } from '@/pages/calls/player/WaveBox';
import { Problem } from '@/providers/problem';
import { useKeys } from '@/ui/keys/useKeys';
import { ProblemBox } from '@/ui/problems';

/** How high a channel is drawn in the dock. */
const WAVE_PX = 34;

interface SoundingProps {
    call: HeardCall;
    recording: Recording;
    /** What its keys are for: the dock. */
    frame: RefObject<HTMLElement | null>;
    autoplay: boolean;
    onStep: (by: 1 | -1) => void;
    /** What waits to be told, and how a report is made before something else is done. */
    onHeard: (waitingMs: number) => void;
    onGone: (gone: Gone) => void;
}

/** The sound of the call that is open: its outlines, what is heard of it, and what it is played with. */
export default function Sounding({ call, recording, frame, autoplay, onStep, onHeard, onGone }: SoundingProps) {
    const t = useT();
    const format = useFormat();
    const queries = useQueryClient();
    const [{ player }, change] = useSettings();
    const sound = useSound(call.call_id, recording, { autoplay, speed: player?.speed });
    const heard = useHeard(call.call_id, sound);
    const { element, props, url, toggle, jump, speed } = sound;
    const setSpeed = (next: number) => {
        sound.setSpeed(next);
        change({ player: { ...player, speed: next } });
    };
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

    // Erased while it plays: whoever says so first, the event, the ticket or a report.
    useTopic('calls', (event) => {
        if (event.type !== 'recording.erased' || event.id !== call.call_id) return;
        const at = (event.data as { erased_at?: number } | null)?.erased_at;
        heard.stop({ why: 'erased', ...(at !== undefined && { at }) });
    });
    const { refused } = sound;
    const end = useEffectEvent((gone: Gone) => heard.stop(gone));
    useEffect(() => {
        if (!(refused instanceof Problem)) return;
        if (refused.code === 'recording_erased') end({ why: 'erased', ...(typeof refused.more.erased_at === 'number' && { at: refused.more.erased_at }) });
        else if (refused.status === 404) end({ why: 'withdrawn' });
    }, [refused]);
    const { gone } = heard;
    const onEnd = useEffectEvent((why: Gone) => {
        sound.stop();
        queries.removeQueries({ queryKey: ['calls', call.call_id, 'peaks'] });
        onGone(why);
    });
    useEffect(() => {
        if (gone) onEnd(gone);
    }, [gone]);
    const told = useEffectEvent(onHeard);
    useEffect(() => told(heard.waitingMs), [heard.waitingMs]);

    const own = lengthOf(union(heard.before, sound.heard));
    const length = Math.max(sound.length, 0.1);
    return (
        <>
            {/* oxlint-disable-next-line jsx-a11y/media-has-caption -- nobody has written down what was said */}
            <audio ref={element} {...props} />
            {gone && <GoneBox gone={gone} heardMs={Math.max(own, heard.heardMs ?? 0)} onNext={() => onStep(1)} />}
            {!gone && refused && <ProblemBox error={refused} onRetry={sound.tryAgain} />}
            {!gone && sound.broken && <ProblemBox error={new Error()} text={t('player.broken')} onRetry={sound.tryAgain} />}
            {!gone && <WaveBox callId={call.call_id} recording={recording} sound={sound} height={WAVE_PX} before={heard.before} />}
            <Box sx={{ display: 'flex', flexWrap: 'wrap', alignItems: 'center', columnGap: 0.5, mt: 0.75 }}>
                <Deed label={`${t('listening.previous')} (P)`} onClick={() => onStep(-1)} icon={<SkipPrevious fontSize="small" />} />
                <Deed label={t('player.back')} disabled={Boolean(gone)} onClick={() => jump(-JUMP_S)} icon={<Replay5 fontSize="small" />} />
                <Deed
                    label={sound.playing ? t('player.pause') : t('player.play')}
                    disabled={!url}
                    onClick={toggle}
                    icon={sound.playing ? <Pause /> : <PlayArrow />}
                    isMain
                />
                <Deed label={t('player.on')} disabled={Boolean(gone)} onClick={() => jump(JUMP_S)} icon={<Forward5 fontSize="small" />} />
                <Deed label={`${t('listening.next')} (N)`} onClick={() => onStep(1)} icon={<SkipNext fontSize="small" />} />
                <Typography variant="body2" sx={{ fontVariantNumeric: 'tabular-nums', mx: 1 }}>
                    {format.duration(sound.at * 1000)} / {format.duration(length * 1000)}
                </Typography>
                <Select
                    value={speed}
                    onChange={(event) => setSpeed(Number(event.target.value))}
                    variant="standard"
                    disableUnderline
                    slotProps={{ input: { 'aria-label': t('player.speed') } }}
                    sx={{ fontSize: '0.8125rem', fontWeight: 600, '& .MuiSelect-select': { py: 0.25 } }}
                >
                    {SPEEDS.map((each) => (
                        <MenuItem key={each} value={each}>
                            {format.number(each)}×
                        </MenuItem>
                    ))}
                </Select>
                <Typography variant="body2" sx={{ color: 'text.secondary', ml: 1 }}>
                    {t('player.heard', { share: format.percent(Math.min(1, own / (length * 1000))) })}
                </Typography>
                {heard.completed && (
                    <Typography variant="body2" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color: 'success.main', ml: 1 }}>
                        <TaskAlt sx={{ fontSize: 16 }} />
                        {t('listening.counted')}
                    </Typography>
                )}
                <FormControlLabel
                    sx={{ ml: 'auto', mr: 0 }}
                    control={<Switch checked={player?.autoplay !== false} onChange={(_, autoplays) => change({ player: { ...player, autoplay: autoplays } })} />}
                    label={t('listening.autoplay')}
                    slotProps={{ typography: { variant: 'caption' } }}
                />
            </Box>
        </>
    );
}

function Deed({ label, icon, onClick, disabled, isMain }: { label: string; icon: ReactNode; onClick: () => void; disabled?: boolean; isMain?: boolean }) {
    return (
        <Tooltip title={disabled ? '' : label}>
            <span>
                <IconButton
                    aria-label={label}
                    onClick={onClick}
                    disabled={disabled}
                    sx={isMain ? { bgcolor: 'primary.main', color: 'primary.contrastText', borderRadius: '50%', width: 34, height: 34, '&:hover': { bgcolor: 'primary.dark' } } : undefined}
                >
                    {icon}
                </IconButton>
            </span>
        </Tooltip>
    );
}
