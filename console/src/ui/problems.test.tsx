import { screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderPart } from '@/testing/harness';
import { Known, Offline, ServerFault, Unknown, Wait } from './problems.stories';

it.each([
    ['Known', Known, 'The slot cannot call now: In a call.'],
    ['Unknown', Unknown, 'The server refused this. It says: the moon is not full'],
    ['ServerFault', ServerFault, 'Request: 5f1a3c'],
    ['Wait', Wait, 'Calls go on; lists come back with it. Try again in 5 secs.'],
    ['Offline', Offline, 'The server cannot be reached.'],
] as const)('a problem says what to do: %s', async (_, Story, text) => {
    await renderPart(<Story />);
    expect((await screen.findByRole('alert')).textContent.replace(/\s/g, ' ')).toContain(text);
});

it('and says it in Russian', async () => {
    await renderPart(<Known />, { locale: 'ru' });
    expect(await screen.findByRole('alert')).toHaveTextContent('Слот сейчас не может звонить: В разговоре.');
});
