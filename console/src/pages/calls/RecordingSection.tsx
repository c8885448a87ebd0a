import Skeleton from '@mui/material/Skeleton';
import Typography from '@mui/material/Typography';
import { lazy, Suspense } from 'react';
import { useCan } from '@/access/me';
import type { CallWithRecording } from '@/api/types';
import { useCode, useT } from '@/i18n';
import { Section } from '@/ui/page';
import { RECORDING_TONES } from '@/ui/tones';
import { CodeBadge } from '@/ui/values';

/** The player draws with a library of its own, which comes when somebody wants to hear something. */
const Player = lazy(() => import('./player/Player'));

/** What is known of a call's recording, and a way to hear it. */
export function RecordingSection({ call }: { call: CallWithRecording }) {
    const t = useT();
    const can = useCan();
    const code = useCode();
    const { recording } = call;
    const isThere = recording && (recording.state === 'complete' || recording.state === 'partial' || recording.state === 'recording');
    return (
        <Section
            title={t('player.title')}
            actions={recording && <CodeBadge prefix="recording_states" code={recording.state} tones={RECORDING_TONES} />}
            about={recording?.reason ? code('recording_reasons', recording.reason) : undefined}
        >
            {!recording && (
                <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                    {call.status === 'ended' ? t('player.none') : t('player.not_yet')}
                </Typography>
            )}
            {isThere && !can('recordings.listen') && (
                <Typography variant="body2" sx={{ color: 'text.secondary' }}>
                    {t('player.not_allowed')}
                </Typography>
            )}
            {isThere && can('recordings.listen') && (
                <Suspense fallback={<Skeleton variant="rounded" height={188} />}>
                    <Player callId={call.call_id} recording={recording} key={recording.state} />
                </Suspense>
            )}
        </Section>
    );
}
