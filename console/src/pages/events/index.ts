export { EventList as List } from './EventList';
