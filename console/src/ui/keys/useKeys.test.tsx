import { fireEvent, screen } from '@testing-library/react';
import { useRef, useState } from 'react';
import { expect, it } from 'vitest';
import { renderPart } from '@/testing/harness';
import { Keys } from './Keys';
import { useKeys, useKeysHelp } from './useKeys';

/** Counts, by one key once a press and by the other as long as it is held. */
function Counter({ by }: { by: number }) {
    const [count, setCount] = useState(0);
    const frame = useRef<HTMLDivElement>(null);
    useKeys(
        `by ${by}`,
        [
            { on: 'KeyN', what: 'once', do: () => setCount(count + by) },
            { on: 'ArrowRight', what: 'held', do: () => setCount(count + by), repeats: true },
        ],
        frame,
    );
    return (
        <div ref={frame}>
            <output>{count}</output>
            <button onClick={useKeysHelp()}>help {by}</button>
        </div>
    );
}

function Two() {
    const [both, setBoth] = useState(true);
    return (
        <Keys always={[]}>
            <Counter by={1} />
            {both && <Counter by={10} />}
            <button onClick={() => setBoth(false)}>less</button>
        </Keys>
    );
}

it('are those of what came last, as it is now, and go with it', async () => {
    const { user } = await renderPart(<Two />);
    const counts = () => screen.getAllByRole('status').map((each) => each.textContent);
    const down = (init: KeyboardEventInit) => fireEvent.keyDown(document.body, init);
    // What is pressed is ours: nothing scrolls by it, also not while it is held and does nothing.
    expect(down({ code: 'KeyN', key: 'т' })).toBe(false);
    expect(down({ code: 'KeyN', key: 'т' })).toBe(false);
    expect(down({ code: 'KeyN', key: 'т', repeat: true })).toBe(false);
    expect(counts()).toEqual(['0', '20']);
    down({ code: 'ArrowRight', key: 'ArrowRight' });
    down({ code: 'ArrowRight', key: 'ArrowRight', repeat: true });
    expect(counts()).toEqual(['0', '40']);
    expect(down({ code: 'KeyX', key: 'x' })).toBe(true);
    await user.click(screen.getByRole('button', { name: 'less' }));
    down({ code: 'KeyN', key: 'n' });
    expect(counts()).toEqual(['1']);
    await user.click(screen.getByRole('button', { name: 'help 1' }));
    expect(await screen.findByRole('dialog', { name: 'Hot keys' })).toHaveTextContent('by 1');
});

it('leave alone what somebody else has taken', async () => {
    await renderPart(<Two />);
    const stop = (event: Event) => event.preventDefault();
    document.body.addEventListener('keydown', stop);
    fireEvent.keyDown(document.body, { code: 'KeyN', key: 'n' });
    document.body.removeEventListener('keydown', stop);
    expect(screen.getAllByRole('status').map((each) => each.textContent)).toEqual(['0', '0']);
});
