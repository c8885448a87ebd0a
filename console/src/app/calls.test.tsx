// A call's page against the fake twin: who served it, who placed it, and what was said.
import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { renderConsole } from '@/testing/harness';

const lines = (table: HTMLElement) => within(table).getAllByRole('row').slice(1).map((row) => row.textContent);

describe("a call's page", () => {
    it('says who served it after a transfer, and whom they asked', async () => {
        await renderConsole({ path: '/calls/c_transferred1/show' });
        const served = await screen.findByRole('table', { name: 'Who served it' });
        await waitFor(() => expect(lines(served)).toHaveLength(3));
        await waitFor(() => expect(lines(served)[0]).toMatch(/^Борис Орлов6001.*4:000:47$/));
        expect(lines(served)[2]).toMatch(/6003.*9:000:03$/);
        expect(screen.getByText(/It was transferred 2 times/)).toBeInTheDocument();
        const asked = await screen.findByRole('link', { name: '6001 → 6002' });
        expect(asked).toHaveAttribute('href', '/calls/c_consultation1/show');
        expect(screen.queryByRole('table', { name: 'Tries by carriers' })).toBeNull();
    });

    it('says by which carriers it was tried, and what came of each, as text', async () => {
        await renderConsole({ path: '/calls/c_tried1/show' });
        const tries = await screen.findByRole('table', { name: 'Tries by carriers' });
        await waitFor(() => expect(lines(tries)[1]).toMatch(/^2\.Северный Телефон.*The carrier was silent\+4930123456\+74951234567tcp 198\.51\.100\.4:5060$/));
        expect(lines(tries)[0]).toMatch(/^1\.Reserve.*Had no free line\+493012345674951234567–$/);
        expect(lines(tries)[2]).toMatch(/^3\.Wolga <b>Net<\/b>.*Refused the carrier is overloaded \(503\)<u>1<\/u><i>78431234567<\/i>udp 203\.0\.113\.9:5080$/);
        // A carrier that is no more, and a status without words.
        expect(lines(tries)[3]).toMatch(/^4\.#7.*Refused 499–/);
        expect(tries.querySelector('i, b, u')).toBeNull();
    });

    it('follows who serves it while it lasts', async () => {
        const { server, user } = await renderConsole({ path: '/calls' });
        const call = server.data.calls.find(({ status }) => status === 'answered');
        if (!call) throw new Error('nobody talks');
        await waitFor(() => expect(document.querySelector(`tr[data-row="${call.call_id}"]`)).not.toBeNull());
        await user.click(document.querySelector(`tr[data-row="${call.call_id}"] td`) as HTMLElement);
        const served = await screen.findByRole('table', { name: 'Who served it' });
        expect(lines(served)[0]).toMatch(/still/);
        const [first] = call.segments;
        const { recording: _, ...told } = call;
        const at = Date.now();
        server.live.emit('call.update', call.call_id, { ...told, segments: [{ ...first, to: at }, { slot: '3', user: '5', from: at, to: null, hold_ms: 0 }] });
        await waitFor(() => expect(lines(served)).toHaveLength(2));
        expect(lines(served)[0]).not.toMatch(/still/);
        expect(lines(served)[1]).toMatch(/Денис Ким|#5/);
        // Its record comes when it has ended, and not before.
        expect(server.log.some(({ path }) => path === '/cdr/records')).toBe(false);
        server.endCall(call);
        await waitFor(() => expect(server.log.some(({ path, query }) => path === '/cdr/records' && String(query?.filter).includes(call.call_id))).toBe(true));
    });

    it('whose people and numbers are hidden is shown without them, and ended as the server lets one', async () => {
        const { server, router } = await renderConsole({ path: '/settings', user: 'boris' });
        await screen.findByRole('link', { name: 'Calls' });
        const [one, other, hidden] = server.data.calls.filter(({ recording }) => recording?.state === 'complete');
        if (!one || !other || !hidden) throw new Error('too few have talked');
        [one, other, hidden].forEach((call) => Object.assign(call, { status: 'answered', ended_at: null, outcome: null, cause: null, user: '5', segments: call.segments.map((segment) => ({ ...segment, user: '5', to: null })) }));
        const show = async (call: { call_id: string }) => {
            await router.navigate(`/calls/${call.call_id}/show`);
            expect(await screen.findByText(call.call_id)).toBeInTheDocument();
        };
        const end = () => screen.queryByRole('button', { name: 'End call' });
        await show(one);
        expect(end()).toBeNull();
        other.user = '3';
        await show(other);
        expect(end()).toBeInTheDocument();
        // As it comes to who sees neither people nor slots nor numbers.
        const { recording, segments } = hidden;
        Object.assign(hidden, {
            user: undefined,
            caller: undefined,
            segments: segments.map(({ user: _, slot: __, ...segment }) => segment),
            recording: recording && { ...recording, left: { role: 'caller' }, right: { role: 'callee', number: '+7 9•• ••• 12 34' } },
            tries: [{ at: hidden.started_at, outcome: 'refused', status: 503 }],
        });
        await show(hidden);
        expect(end()).toBeInTheDocument();
        expect(lines(await screen.findByRole('table', { name: 'Who served it' }))[0]).toMatch(/^––/);
        expect(lines(screen.getByRole('table', { name: 'Tries by carriers' }))[0]).toMatch(/^1\.–/);
        const player = await screen.findByRole('group', { name: 'Recording' });
        await waitFor(() => expect(player).toHaveTextContent(/–.*Left.*\+7 9•• ••• 12 34.*Right/));
    });

    it('shows a long exchange with what was not kept', async () => {
        const { user } = await renderConsole({ path: '/calls/c_transferred1/show' });
        await user.click(await screen.findByRole('button', { name: 'Show the messages' }));
        const messages = await screen.findByRole('table', { name: 'SIP messages' });
        expect(lines(messages).length).toBe(73);
        expect(lines(messages)[3]).toMatch(/INVITE 1 sdp ?once more$/);
        expect(lines(messages)[39]).toBe('8 messages were not kept');
        await user.click(within(messages).getByRole('button', { name: 'REFER 41' }));
        expect(messages).toHaveTextContent('X-Note: <img src=x onerror=alert(1)>');
        expect(messages.querySelector('img')).toBeNull();
    });
});
