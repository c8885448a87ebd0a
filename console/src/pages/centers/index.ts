export { CenterCreate as Create, CenterEdit as Edit } from './CenterForm';
export { CenterList as List } from './CenterList';
