export { TagGroupsPage } from './TagGroupsPage';
