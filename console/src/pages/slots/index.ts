export { SlotList as List } from './SlotList';
export { SlotShow as Show } from './SlotShow';
