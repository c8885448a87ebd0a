// A recording is played: its outline is drawn, time goes on, keys move it; and the call's SIP messages can be read.
import { check, same, story, until, visit, type World } from './lib.ts';

await story<World & { call: string }>(async ({ world, enter }) => {
    const { page } = await enter(world.admin);
    await visit(page, '/calls');
    await page.locator('tr[data-row]').first().click();
    await page.waitForURL(`**/calls/${world.call}/show`);

    const player = page.getByRole('group', { name: 'Recording' });
    const peaks = page.waitForResponse((response) => response.url().endsWith('/recording/peaks'));
    await player.getByRole('button', { name: 'Play', exact: true }).waitFor();
    const outline = (await (await peaks).json()) as { channels: number[][]; duration_ms: number };
    same(outline.channels.length, 2, 'both sides have an outline');
    check(outline.channels.every((channel) => Math.max(...channel) > 10), 'both sides can be heard');
    // Both outlines are drawn: some points of each canvas have a colour.
    await until('both outlines are drawn', () =>
        player.evaluate((frame) => {
            const host = [...frame.querySelectorAll('*')].find((element) => element.shadowRoot?.querySelector('canvas'))?.shadowRoot;
            const canvases = [...(host?.querySelectorAll('canvas') ?? [])];
            const coloured = canvases.filter((canvas) => canvas.width > 0 && canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0));
            return coloured.length >= 2;
        }),
    );

    const audio = player.locator('audio');
    const state = () => audio.evaluate((sound: HTMLAudioElement) => ({ at: sound.currentTime, length: sound.duration, paused: sound.paused, speed: sound.playbackRate, error: sound.error?.message }));
    await player.getByRole('button', { name: 'Play', exact: true }).click();
    await until('it plays', async () => {
        const now = await state();
        return now.at > 0.5 && !now.paused && now.error === undefined;
    });
    const { length } = await state();
    check(Math.abs(length - outline.duration_ms / 1000) < 0.1 && length > 3.9, `it lasts ${length} s, its outline ${outline.duration_ms} ms`);
    await page.keyboard.press('ArrowUp');
    await until('it plays faster', async () => (await state()).speed > 1);
    await page.keyboard.press('Space');
    await until('it pauses', async () => (await state()).paused);
    await page.keyboard.press('ArrowLeft');
    await until('it goes back', async () => (await state()).at === 0);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Hot keys' }).waitFor();
    await page.keyboard.press('Escape');

    const download = page.waitForEvent('download');
    await player.getByRole('link', { name: 'Save as a file' }).click();
    same((await download).suggestedFilename(), `${world.call}.wav`, 'the file');

    await page.getByRole('button', { name: 'Show the messages' }).click();
    await page.getByRole('button', { name: 'As text' }).click();
    const ladder = await page.locator('pre').innerText();
    for (const part of ['INVITE sip:', 'SIP/2.0 200', 'ACK sip:', 'BYE sip:']) check(ladder.includes(part), `${part} is among the messages`);
    check(!/response="?[0-9a-f]{32}/.test(ladder), 'no answer to a challenge is shown');
});
