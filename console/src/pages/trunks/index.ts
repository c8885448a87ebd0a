export { TrunkCreate as Create } from './TrunkCreate';
export { TrunkEdit as Edit } from './TrunkEdit';
export { TrunkList as List } from './TrunkList';
