// What a carrier's state comes to.
import type { CarrierStatus } from '@/api/types';
import type { Tone } from '@/app/theme';

/** Whether it can be called now; `off`: somebody has switched it off. */
export type Standing = 'up' | 'down' | 'full' | 'too_fast' | 'off';

export const STANDING_TONES: Partial<Record<string, Tone>> = { up: 'good', down: 'bad', full: 'wait', too_fast: 'wait', off: 'off' };
export const ACCOUNT_TONES: Partial<Record<string, Tone>> = { off: 'off', trying: 'wait', registered: 'good', failing: 'bad', leaving: 'off' };
export const HOST_TONES: Partial<Record<string, Tone>> = { up: 'good', down: 'bad', unknown: 'off' };

/** A newer server may know others. */
export function standingOf({ on, standing }: Pick<CarrierStatus, 'on' | 'standing'>): string {
    return on ? standing : 'off';
}

/** Whether a host answers; `unknown`: nobody has asked yet, or it is not to be asked. */
export function hostState(up: boolean | null | undefined): 'up' | 'down' | 'unknown' {
    return up == null ? 'unknown' : up ? 'up' : 'down';
}

/** How its accounts are, taken together; none if it has none, or if one may not see them. */
export function registration({ accounts }: Pick<CarrierStatus, 'accounts'>): { state: string; registered: number; all: number; error: string | undefined } | undefined {
    if (!accounts?.length) return undefined;
    const registered = accounts.filter(({ state }) => state === 'registered').length;
    const failing = accounts.find(({ state }) => state === 'failing');
    const busy = accounts.find(({ state }) => state === 'trying' || state === 'leaving');
    const state = failing ? 'failing' : (busy?.state ?? (registered > 0 ? 'registered' : 'off'));
    return { state, registered, all: accounts.length, error: failing?.last_error ?? undefined };
}

/** Why a carrier cannot be called although it is switched on. */
export function troubleOf(status: CarrierStatus): { what: 'registration'; error: string | undefined } | { what: 'hosts' } | undefined {
    if (standingOf(status) !== 'down') return undefined;
    const account = registration(status);
    // With one account registered the others do no harm: then it is the hosts.
    if (account?.state === 'failing' && account.registered === 0) return { what: 'registration', error: account.error };
    if (status.hosts?.length && status.hosts.every(({ up }) => up === false)) return { what: 'hosts' };
    return undefined;
}
