import Close from '@mui/icons-material/Close';
import HelpOutlined from '@mui/icons-material/HelpOutlineOutlined';
import Undo from '@mui/icons-material/Undo';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import Skeleton from '@mui/material/Skeleton';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { lazy, Suspense, useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { useCan } from '@/access/me';
import type { HeardCall } from '@/api/listening';
import { useFormat, useT } from '@/i18n';
import type { Gone } from '@/pages/calls/player/Hearing';
import type { GroupOfTags } from '@/tags/dictionary';
import { useKeys, useKeysHelp } from '@/ui/keys/useKeys';
import { ProblemBox } from '@/ui/problems';
import { Moment, Phone } from '@/ui/values';
import { Notices } from './Notices';
import { AnyTag, Palette } from './Palette';
import { deal, hold, lost } from './places';
import { useTagging, type Taggers } from './useTaggers';

/** The player draws with a library of its own, which comes with the first call that is opened. */
const Sounding = lazy(() => import('./Sounding'));

interface DockProps {
    call: HeardCall;
    /** Where it stands in the list: “3 of 312”. */
    place: string;
    groups: readonly GroupOfTags[];
    taggers: Taggers;
    autoplay: boolean;
    /** Whether the focus comes here when the call is opened. */
    takesFocus: boolean;
    onStep: (by: 1 | -1) => void;
    onClose: () => void;
    onList: () => void;
    onWithdrawn: () => void;
}

/** The call that is open, docked below the list: its sound, and the tags that it can get. Everything goes by keys; what belongs to another call is another dock. */
export function Dock({ call, place, groups, taggers, autoplay, takesFocus, onStep, onClose, onList, onWithdrawn }: DockProps) {
    const t = useT();
    const can = useCan();
    const format = useFormat();
    const help = useKeysHelp();
    const frame = useRef<HTMLDivElement>(null);
    const tagger = taggers.of(call.call_id);
    const { tags, stands, waiting, away, canUndo, notices, error } = useTagging(tagger);
    // Places are dealt once, when the call is opened: a key that moved would be a wrong statistic that nobody ever finds.
    const [dealt] = useState(() => deal(groups));
    const places = useMemo(() => hold(dealt, groups), [dealt, groups]);
    const [dismissed, setDismissed] = useState<readonly string[]>([]);
    const [finding, setFinding] = useState(false);
    const [waitingMs, setWaitingMs] = useState(0);
    const [withdrawn, setWithdrawn] = useState(false);
    const { recording } = call;
    const isThere = recording && (recording.state === 'complete' || recording.state === 'partial' || recording.state === 'recording');
    const maySet = can('tags.set') && !withdrawn;

    const press = (tag: string) => {
        if (maySet && places.some((each) => each.tag.id === tag && !each.gone)) tagger.press(tag);
    };
    const digits = places.filter(({ digit, gone }) => digit !== undefined && !gone);
    useKeys(
        t('listening.title'),
        [
            { on: 'KeyN', what: t('listening.next'), do: () => onStep(1) },
            { on: 'KeyP', what: t('listening.previous'), do: () => onStep(-1) },
            ...(maySet ? digits.map(({ tag, digit }) => ({ on: `Digit${digit}`, what: tag.name, do: () => press(tag.id) })) : []),
            ...(maySet ? [{ on: 'KeyT', what: t('listening.any_tag'), do: () => setFinding(true) }] : []),
            { on: 'Mod+KeyZ', what: t('listening.undo'), do: () => tagger.undo() },
            { on: 'KeyL', what: t('listening.to_list'), do: onList },
            { on: 'Escape', what: t('common.close'), do: onClose },
        ],
        frame,
    );
    const focus = useEffectEvent(() => takesFocus && frame.current?.focus());
    useEffect(() => void focus(), []);
    const onGone = ({ why }: Gone) => {
        if (why !== 'withdrawn') return;
        setWithdrawn(true);
        onWithdrawn();
    };
    const closeFinder = () => {
        setFinding(false);
        frame.current?.focus();
    };

    return (
        <Box
            ref={frame}
            role="group"
            aria-label={t('listening.dock')}
            tabIndex={-1}
            sx={{ border: 1, borderColor: 'divider', borderRadius: 1.5, bgcolor: 'background.paper', mt: 1, px: 1.5, py: 0.75, flex: 'none', '&:focus': { outline: 'none' }, '&:focus-visible': { borderColor: 'primary.main' } }}
        >
            <Box sx={{ display: 'flex', alignItems: 'center', gap: 1, minHeight: 30 }}>
                <Typography variant="h3" component="h2" noWrap sx={{ display: 'flex', gap: 1, minWidth: 0 }}>
                    <Moment at={call.started_at} />
                    {!withdrawn && <Phone number={call.caller} />}
                    {!withdrawn && call.scenario && <bdi>{call.scenario}</bdi>}
                </Typography>
                <Typography variant="body2" sx={{ color: 'text.secondary', flex: 1, whiteSpace: 'nowrap' }}>
                    {recording ? `${format.duration(recording.duration_ms)} · ` : ''}
                    {place}
                </Typography>
                <Tooltip title={t('keys.help')}>
                    <IconButton onClick={help} aria-label={t('keys.help')}>
                        <HelpOutlined fontSize="small" />
                    </IconButton>
                </Tooltip>
                <Tooltip title={`${t('common.close')} (Esc)`}>
                    <IconButton onClick={onClose} aria-label={t('listening.close')}>
                        <Close fontSize="small" />
                    </IconButton>
                </Tooltip>
            </Box>
            {isThere && can('recordings.listen') ? (
                <Suspense fallback={<Skeleton variant="rounded" height={118} />}>
                    <Sounding call={call} recording={recording} frame={frame} autoplay={autoplay} onStep={onStep} onHeard={setWaitingMs} onGone={onGone} />
                </Suspense>
            ) : (
                <Typography variant="body2" sx={{ color: 'text.secondary', py: 1 }}>
                    {isThere ? t('player.not_allowed') : t('listening.no_recording')}
                </Typography>
            )}
            <Notices
                notices={notices}
                groups={lost(dealt, groups)
                    .map(({ name }) => name)
                    .filter((name) => !dismissed.includes(name))}
                onDismiss={(notice) => tagger.dismiss(notice)}
                onDismissGroup={(name) => setDismissed([...dismissed, name])}
                waitingTags={away ? waiting : 0}
                waitingMs={waitingMs}
            />
            {error !== undefined && !tags && !withdrawn && <ProblemBox error={error} onRetry={() => void tagger.reload()} />}
            <Box sx={{ display: 'flex', alignItems: 'flex-end', gap: 1, mt: 0.5, minHeight: 30 }}>
                <Box sx={{ flex: 1, minWidth: 0 }}>
                    {tags || error !== undefined ? <Palette places={places} tags={withdrawn ? [] : (tags ?? [])} stands={stands} disabled={!maySet || (error !== undefined && !tags)} onPress={press} /> : <Skeleton variant="rounded" height={28} width="60%" />}
                </Box>
                {maySet && (finding ? <AnyTag places={places} stands={stands} onPress={press} onClose={closeFinder} /> : places.length > 0 && <Button color="inherit" onClick={() => setFinding(true)}>{t('listening.any_tag')} (T)</Button>)}
                <Button color="inherit" startIcon={<Undo />} disabled={!canUndo || !maySet} onClick={() => tagger.undo()}>
                    {t('listening.undo')} (Ctrl+Z)
                </Button>
            </Box>
        </Box>
    );
}
