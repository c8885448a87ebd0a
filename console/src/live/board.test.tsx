import { act, screen, waitFor } from '@testing-library/react';
import { expect, it } from 'vitest';
import type { Query } from '@/providers/transport';
import { renderConsole, tile } from '@/testing/harness';

/** The console at a page without a board, and a slot that is free. */
async function elsewhere() {
    const console = await renderConsole({ path: '/settings', calls: 0 });
    await screen.findByRole('heading', { level: 1 });
    const free = console.server.data.slots.find(({ holder, status }) => !holder && status === 'free');
    if (!free) throw new Error('a slot that is free');
    return { ...console, free, board: () => tile(free.number) };
}

it('shows slots as they are, also if they changed while no page showed them', async () => {
    const { router, server, free, board } = await elsewhere();
    await act(() => router.navigate('/live'));
    expect(await board()).toHaveAccessibleName(`${free.number} Free`);
    await act(() => router.navigate('/settings'));
    await screen.findByRole('heading', { level: 1, name: 'Personal settings' });
    const taken = { ...free, holder: '999', holder_name: 'Vera', status: 'taken' as const, epoch: free.epoch + 1 };
    Object.assign(free, taken);
    act(() => server.live.emit('slot.update', free.id, taken, taken.epoch));
    await act(() => router.navigate('/live'));
    expect(await board()).toHaveAccessibleName(`${free.number} Taken Vera`);
});

it('what happens while it is being loaded comes on top of what was loaded', async () => {
    const { router, server, services, free, board } = await elsewhere();
    let letGo = () => {};
    const gate = new Promise<void>((open) => (letGo = open));
    let isHeld = false;
    const get = services.client.get;
    // The answer is made before the event, and arrives after it.
    services.client.get = async <T,>(path: string, query?: Query, signal?: AbortSignal) => {
        const answer = await get<T>(path, query, signal);
        if (path === '/slots' && !query?.filter) {
            isHeld = true;
            await gate;
        }
        return answer;
    };
    await act(() => router.navigate('/live'));
    await waitFor(() => expect(isHeld).toBe(true));
    const taken = { ...free, holder: '999', holder_name: 'Vera', status: 'taken' as const, epoch: free.epoch + 1 };
    act(() => server.live.emit('slot.update', free.id, taken, taken.epoch));
    act(letGo);
    expect(await board()).toHaveAccessibleName(`${free.number} Taken Vera`);
});
