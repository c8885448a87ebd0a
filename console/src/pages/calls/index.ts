export { CallList as List } from './CallList';
export { CallShow as Show } from './CallShow';
