import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import { useTopic } from '@/live/hooks';

/** How often budgets are asked for while they are looked at, in milliseconds: of every minute that is talked, no event tells. */
const EVERY_MS = 10_000;

/** Keeps budgets in step with what happens. Gives what asks for them at once. */
export function useFollowBudgets(): () => Promise<void> {
    const queries = useQueryClient();
    const refresh = useCallback(() => queries.invalidateQueries({ queryKey: ['budgets'] }), [queries]);
    useTopic('budgets', () => void refresh());
    useEffect(() => {
        const timer = setInterval(() => void refresh(), EVERY_MS);
        return () => clearInterval(timer);
    }, [refresh]);
    return refresh;
}
