// What a style sheet or an icon is in the tests.
export default '<svg xmlns="http://www.w3.org/2000/svg" />';
