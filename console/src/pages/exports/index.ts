export { ExportList as List } from './ExportList';
