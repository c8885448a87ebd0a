import { act, waitFor } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderConsole } from '@/testing/harness';

/** The console at the list of calls, and a way to mask callers from the person who looks. */
async function atCalls() {
    const console = await renderConsole({ path: '/calls' });
    const { server, queries } = console;
    const row = () => document.querySelector('tr[data-row]');
    await waitFor(() => expect(row()).not.toBeNull());
    const mask = () => {
        const role = server.data.roles.find(({ code }) => code === 'admin');
        if (!role) throw new Error('the role of who looks');
        Object.assign(role, { columns: [{ resource: 'calls', column: 'caller', mode: 'mask' }] });
        server.log.length = 0;
        act(() => server.live.emit('rights.update', '1', {}));
    };
    /** What the cache holds of calls with a caller that is not masked. */
    const whole = () => queries.getQueriesData({ queryKey: ['calls', 'getList'] }).filter(([, list]) => /"caller":"[^"•]+"/.test(JSON.stringify(list ?? null)));
    return { ...console, row, mask, whole };
}

it('what is shown is asked for anew by the rights of now, and those first', async () => {
    const { server, row, mask, whole } = await atCalls();
    expect(row()?.textContent).not.toContain('•••');
    mask();
    await waitFor(() => expect(row()?.textContent).toContain('•••'));
    expect(whole()).toEqual([]);
    const asked = server.log.map(({ path }) => path);
    expect(asked).toContain('/me/permissions');
    expect(asked.indexOf('/me/permissions')).toBeLessThan(asked.indexOf('/calls'));
});

it('what no page shows any more is forgotten', async () => {
    const { router, row, mask, whole } = await atCalls();
    await act(() => router.navigate('/settings'));
    await waitFor(() => expect(row()).toBeNull());
    expect(whole()).not.toEqual([]);
    mask();
    expect(whole()).toEqual([]);
});
