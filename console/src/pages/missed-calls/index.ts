export { MissedList as List } from './MissedList';
