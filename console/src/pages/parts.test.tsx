import { screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { renderPart, tile } from '@/testing/harness';
import * as diffs from './audit/DiffTable.stories';
import * as timelines from './calls/Timeline.stories';
import * as tiles from './live/SlotTiles.stories';
import * as matrix from './permission-sets/MatrixInput.stories';
import * as phones from '../ui/phone-setup/PhoneSetupDialog.stories';

it('tiles say of each slot how it is', async () => {
    await renderPart(<tiles.Day />);
    expect(await tile('6014')).toHaveAccessibleName(/^6014 Faulty/);
    expect(screen.getByText('Mobile hub')).toBeInTheDocument();
});

it('without slots the board says what to do next', async () => {
    await renderPart(<tiles.Empty />);
    expect(await screen.findByRole('link', { name: 'New hub' })).toHaveAttribute('href', '/trunks/create');
});

it('a timeline is told as well as drawn', async () => {
    await renderPart(<timelines.Answered />);
    expect(await screen.findByRole('img', { name: 'Dialling 0:00, Ringing 0:09, Talk 1:30' })).toBeInTheDocument();
});

it('a diff shows old and new, markup as text, secrets as secrets', async () => {
    await renderPart(<diffs.Changed />);
    const row = (name: string) => within(screen.getByRole('table')).getByText(name).closest('tr');
    await screen.findByRole('table');
    expect(row('Name')).toHaveTextContent('NameAnnAnn <script>alert(1)</script>');
    expect(document.querySelector('script')).toBeNull();
    expect(row('Password')).toHaveTextContent('(secret, changed)');
    expect(row('Enabled')).toHaveTextContent('YesNo');
});

it('the matrix grants, takes away, narrows', async () => {
    const { user } = await renderPart(<matrix.Some />);
    const cell = (name: string) => screen.findByRole('checkbox', { name });
    const value = () => screen.getByTestId('value').textContent;
    expect(await cell('See calls and call records: Own')).toBeChecked();
    await user.click(await cell('See calls and call records: Centre'));
    expect(value()).toBe('calls.read@own recordings.listen@list calls.read@center');
    await user.click(await screen.findByRole('switch', { name: 'See calls and call records: By lists' }));
    expect(value()).toBe('recordings.listen@list calls.read@own+list calls.read@list');
    await user.click(await cell('Hear recordings: Centre'));
    expect(value()).toBe('calls.read@own+list calls.read@list');
    // Not everything can be had of one's own.
    expect(screen.queryByRole('checkbox', { name: 'See call centres: Own' })).toBeNull();
    await user.type(screen.getByLabelText('Search for a permission'), 'webhook');
    expect(screen.queryByText('See calls and call records')).toBeNull();
    expect(screen.getByText('Make webhooks')).toBeInTheDocument();
});

it('each account of several can be seen, copied and scanned', async () => {
    const { user } = await renderPart(<phones.Many />);
    await user.click(await screen.findByRole('button', { name: '…' }));
    expect(await screen.findByLabelText('Password')).toHaveTextContent('secret-of-7001');
    await user.click(screen.getByRole('button', { name: '7003' }));
    expect(screen.getByLabelText('Password')).toHaveTextContent('secret-of-7003');
    expect(screen.getByRole('img', { name: 'QR code for slot 7003' })).toBeInTheDocument();
    expect(await screen.findByText('10.0.0.5:5070')).toHaveAccessibleName('Server');
    expect(screen.getByLabelText('Transport')).toHaveTextContent('UDP');
});
