export { ClientList as List } from './ClientList';
export { ClientPage as Edit } from './ClientPage';
