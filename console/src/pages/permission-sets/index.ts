export { SetList as List } from './SetList';
export { SetCreate as Create, SetEdit as Edit } from './SetForm';
