import { FakeLive, FakeServer } from '@/providers/fake';
import { SlotTiles } from './SlotTiles';

const { data } = new FakeServer(new FakeLive(), { calls: 4 });

/** A small centre in the middle of the day. */
export const Day = () => <SlotTiles slots={data.slots} calls={data.calls.filter(({ status }) => status !== 'ended')} isNarrowed={false} />;

/** Before the first hub was made. */
export const Empty = () => <SlotTiles slots={[]} calls={[]} isNarrowed={false} />;

/** While nothing is known yet. */
export const Loading = () => <SlotTiles slots={undefined} calls={undefined} isNarrowed={false} />;
