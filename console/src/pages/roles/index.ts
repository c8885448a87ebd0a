export { RoleList as List } from './RoleList';
export { RoleCreate as Create, RoleEdit as Edit } from './RoleForm';
