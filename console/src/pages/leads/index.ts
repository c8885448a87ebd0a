export { LeadCreate as Create } from './LeadCreate';
export { LeadList as List } from './LeadList';
export { LeadPage as Edit } from './LeadPage';
