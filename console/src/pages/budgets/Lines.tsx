// How much of a budget is used: in words, and drawn.
import Box from '@mui/material/Box';
import LinearProgress from '@mui/material/LinearProgress';
import Tooltip from '@mui/material/Tooltip';
import type { Budget, BudgetLine } from '@/api/types';
import type { Tone } from '@/app/theme';
import { useCode, useFormat, useT } from '@/i18n';
import { CodeBadge, Nothing } from '@/ui/values';
import { byShare, shareOf, stateOf, STATE_TONES } from './standing';

/** Amounts of a limit as people say them. */
export function useAmount(): (limit: string, value: number, currency: string) => string {
    const t = useT();
    const format = useFormat();
    return (limit, value, currency) => {
        if (limit.endsWith('_spend')) return format.money(value, currency);
        if (limit.endsWith('_s')) {
            // Hours and minutes, however many: a limit of a hundred hours is not one of four days.
            const [hours, minutes] = [Math.floor(value / 3600), Math.floor(value / 60) % 60];
            if (value > 0 && value < 60) return t('budgets.seconds', { count: format.number(value) });
            if (hours === 0) return t('budgets.minutes', { count: format.number(minutes) });
            return minutes === 0 ? t('budgets.hours', { count: format.number(hours) }) : t('budgets.hours_minutes', { hours: format.number(hours), minutes: format.number(minutes) });
        }
        return format.number(value);
    };
}

/** In which currency a budget counts. */
export function currencyOf({ limits, outside }: Pick<Budget, 'limits' | 'outside'>): string {
    return limits?.currency || outside?.limits.currency || '';
}

/** Each limit that counts, with its bar; the fullest first. */
export function Lines({ budget, wide }: { budget: Budget; wide?: boolean }) {
    const lines = byShare(budget.lines ?? []);
    if (lines.length === 0) return <Nothing />;
    return (
        <Box sx={{ display: 'grid', gridTemplateColumns: wide ? 'max-content minmax(120px, 320px) max-content' : 'max-content 64px max-content', columnGap: 1.25, rowGap: wide ? 0.75 : 0.25, alignItems: 'center', py: 0.25 }}>
            {lines.map((line) => (
                <Line key={line.limit} line={line} currency={currencyOf(budget)} />
            ))}
        </Box>
    );
}

function Line({ line, currency }: { line: BudgetLine; currency: string }) {
    const t = useT();
    const code = useCode();
    const amount = useAmount();
    const share = shareOf(line);
    const tone: Tone = line.closed || share >= 1 ? 'bad' : share >= 0.8 ? 'wait' : 'busy';
    const name = code('budget_limits', line.limit);
    const words = t('budgets.used_of', { used: amount(line.limit, line.used, currency), value: amount(line.limit, line.value, currency) });
    const promised = line.reserved > 0 ? t('budgets.promised', { amount: amount(line.limit, line.reserved, currency) }) : '';
    return (
        <>
            <Box component="span" sx={{ color: 'text.secondary' }}>
                {name}
            </Box>
            <LinearProgress
                variant="determinate"
                value={Math.min(100, share * 100)}
                aria-label={`${name}: ${words}`}
                sx={(theme) => ({ height: 6, borderRadius: 3, bgcolor: theme.palette.line, '& .MuiLinearProgress-bar': { bgcolor: theme.palette.tones[tone], borderRadius: 3 } })}
            />
            <Tooltip title={promised}>
                <Box component="span" sx={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>
                    {words}
                    {promised && <Box component="span" sx={{ color: 'text.secondary' }}>{` +${amount(line.limit, line.reserved, currency)}`}</Box>}
                </Box>
            </Tooltip>
        </>
    );
}

/** Whether calls can begin by it, and why not. */
export function BudgetState({ budget }: { budget: Budget }) {
    const t = useT();
    const reason = useReason();
    return (
        <Box>
            <CodeBadge prefix="budget_states" code={stateOf(budget)} tones={STATE_TONES} />
            {budget.outside_now && <Box component="span" sx={{ color: 'text.secondary', ml: 1 }}>{t('budgets.outside_now')}</Box>}
            {reason(budget).map((words) => (
                <Box key={words} sx={{ color: (theme) => theme.palette.tones.bad }}>
                    {words}
                </Box>
            ))}
        </Box>
    );
}

/** Why no call can begin by a budget, each reason in words. */
export function useReason(): (budget: Pick<Budget, 'lines'>) => string[] {
    const code = useCode();
    const t = useT();
    const format = useFormat();
    return ({ lines }) =>
        byShare(lines ?? [])
            .filter(({ closed }) => closed)
            .map(({ limit, free_at }) => [code('budget_reasons', limit), free_at != null && t('budgets.free_at', { time: format.short(free_at) })].filter(Boolean).join('; '));
}

/** What may be called by it, in a few words. */
export function Allowed({ budget: { limits } }: { budget: Pick<Budget, 'limits'> }) {
    const t = useT();
    const format = useFormat();
    if (!limits) return <Nothing />;
    const SHOWN_MAX = 3;
    const { destinations, premium } = limits;
    const some = destinations.slice(0, SHOWN_MAX);
    const rest = destinations.length - some.length;
    const numbers = destinations.length === 0 ? t('budgets.everything') : format.list(rest > 0 ? [...some, t('budgets.more', { count: rest })] : some);
    return (
        <Box>
            <bdi>{numbers}</bdi>
            {premium != null && <Box sx={{ color: 'text.secondary' }}>{t(premium ? 'budgets.premium_yes' : 'budgets.premium_no')}</Box>}
        </Box>
    );
}

/** What it is of. */
export function ScopeName({ budget: { kind, name } }: { budget: Pick<Budget, 'kind' | 'name'> }) {
    const code = useCode();
    return (
        <Box>
            <Box component="bdi" sx={{ fontWeight: 600, display: 'block', overflow: 'hidden', textOverflow: 'ellipsis' }}>
                {name}
            </Box>
            <Box sx={{ color: 'text.secondary' }}>{code('budget_scopes', kind)}</Box>
        </Box>
    );
}
