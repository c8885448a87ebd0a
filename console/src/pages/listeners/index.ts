export { ListenerList as List } from './ListenerList';
export { ListenerCreate as Create, ListenerEdit as Edit } from './ListenerForm';
