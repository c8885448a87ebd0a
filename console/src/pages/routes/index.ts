export { RouteCreate as Create } from './RouteForm';
export { RouteEdit as Edit } from './RouteForm';
export { RouteList as List } from './RouteList';
export { ExplainPage } from './ExplainPage';
