import { act, fireEvent, screen, waitFor } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import type { Recording } from '@/api/types';
import { renderPart } from '@/testing/harness';
import { Media } from '@/testing/media';
import { Keys } from '@/ui/keys/Keys';
import Player from './Player';

// Drawing wants a canvas; what is drawn is looked at in a browser (e2e/recording.ts).
vi.mock('./Waves', () => ({ WAVE_PX: 52, Waves: () => <div data-testid="wave" /> }));

const LENGTH_S = 100;

/** A player of a call of the twin, whose sound has come. */
async function listen() {
    const media = new Media(LENGTH_S);
    const recording: Recording = {
        state: 'complete',
        reason: null,
        duration_ms: LENGTH_S * 1000,
        left: { role: 'callee', number: '6001' },
        right: { role: 'caller', number: '+79161234567' },
    } as Recording;
    const view = await renderPart(
        <Keys always={[]}>
            <Player callId="c_transferred1" recording={recording} />
        </Keys>,
    );
    await screen.findByTestId('wave');
    const sound = document.querySelector('audio');
    if (!sound) throw new Error('nothing plays');
    const tickets = () => view.server.log.filter(({ path }) => path.endsWith('/recording/token')).length;
    act(() => media.load(sound));
    return { ...view, media, sound, tickets, pass: (seconds: number) => act(() => media.pass(seconds)) };
}

const key = (code: string, target: Element = document.body, more: KeyboardEventInit = {}) => fireEvent.keyDown(target, { code, key: code === 'Space' ? ' ' : code, ...more });

it('over the outlines stands a slider, which keys move as they do elsewhere in the player', async () => {
    const { sound, user } = await listen();
    const slider = screen.getByRole('slider', { name: 'Place in the recording' });
    slider.focus();
    expect(slider).toHaveAttribute('aria-valuetext', '0:00 of 1:40');
    await user.keyboard('{ArrowRight}{ArrowUp}');
    expect(sound.currentTime).toBe(10);
    expect(slider).toHaveAttribute('aria-valuetext', '0:10 of 1:40');
    await user.keyboard('{ArrowLeft}{PageUp}');
    expect(sound.currentTime).toBe(35);
    await user.keyboard('{End}');
    expect(sound.currentTime).toBe(LENGTH_S);
    await user.keyboard('{Home}');
    expect(sound.currentTime).toBe(0);
});

it('is played by keys, wherever the focus is', async () => {
    const { sound } = await listen();
    key('Space');
    expect(sound.paused).toBe(false);
    // Held down, it neither stops nor goes on.
    key('Space', document.body, { repeat: true });
    expect(sound.paused).toBe(false);
    key('ArrowRight');
    key('ArrowRight', document.body, { repeat: true });
    expect(sound.currentTime).toBe(10);
    key('ArrowUp');
    expect(sound.playbackRate).toBe(1.25);
    // A button of the player keeps its space bar and leaves it the arrows.
    const back = screen.getByRole('button', { name: '5 seconds back' });
    key('ArrowLeft', back);
    expect(sound.currentTime).toBe(5);
    key('Space', back);
    expect(sound.paused).toBe(false);
});

it('counts what was heard once, over jumps and tickets', async () => {
    const { media, sound, tickets, pass, user } = await listen();
    await user.click(screen.getByRole('button', { name: 'Play' }));
    pass(10);
    expect(screen.getByText('10% heard')).toBeInTheDocument();
    // What is jumped over is not heard, and what is heard again is counted once.
    act(() => void (sound.currentTime = 50));
    expect(screen.getByText('10% heard')).toBeInTheDocument();
    pass(10);
    act(() => void (sound.currentTime = 55));
    pass(10);
    expect(screen.getByText('25% heard')).toBeInTheDocument();

    // The ticket has run out: with the next one it goes on where it was, and the element has forgotten all.
    act(() => media.fail(sound));
    await waitFor(() => expect(tickets()).toBe(2));
    act(() => media.load(sound));
    expect([sound.currentTime, sound.paused]).toEqual([65, false]);
    expect(screen.getByText('25% heard')).toBeInTheDocument();
    pass(5);
    expect(screen.getByText('30% heard')).toBeInTheDocument();
    expect(document.querySelectorAll('[data-heard] > *')).toHaveLength(2);
});

it('says that it is broken when new tickets do not help, and tries again when asked', async () => {
    const { media, sound, tickets, user } = await listen();
    act(() => media.fail(sound));
    await waitFor(() => expect(tickets()).toBe(2));
    act(() => media.fail(sound));
    await waitFor(() => expect(tickets()).toBe(3));
    act(() => media.fail(sound));
    expect(await screen.findByText(/The recording cannot be played/)).toBeInTheDocument();
    expect(tickets()).toBe(3);
    await user.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(tickets()).toBe(4));
    act(() => media.load(sound));
    expect(screen.queryByText(/The recording cannot be played/)).toBeNull();
});
