import Box from '@mui/material/Box';
import { useRef } from 'react';
import type { Recording } from '@/api/types';
import { useT } from '@/i18n';
import { useKeys } from '@/ui/keys/useKeys';
import { ProblemBox } from '@/ui/problems';
import { Controls } from './Controls';
import { useSound } from './sound/useSound';
import { stepSpeed } from './speeds';
import { JUMP_S, WaveBox } from './WaveBox';

/** Plays a recording. The server has made its outline, so nothing is decoded here, and it can be heard from any place at once. */
export default function Player({ callId, recording }: { callId: string; recording: Recording }) {
    const t = useT();
    const frame = useRef<HTMLDivElement>(null);
    const sound = useSound(callId, recording);
    const { element, props, toggle, jump, speed, setSpeed } = sound;
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
    if (sound.refused) return <ProblemBox error={sound.refused} onRetry={sound.tryAgain} />;
    return (
        <Box ref={frame} role="group" aria-label={t('player.title')}>
            {/* oxlint-disable-next-line jsx-a11y/media-has-caption -- nobody has written down what was said */}
            <audio ref={element} {...props} />
            {sound.broken && <ProblemBox error={new Error()} text={t('player.broken')} onRetry={sound.tryAgain} />}
            <WaveBox callId={callId} recording={recording} sound={sound} />
            <Controls callId={callId} sound={sound} />
        </Box>
    );
}
