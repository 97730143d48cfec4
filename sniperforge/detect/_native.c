/* The two loops every frame goes through, as one pass over its bytes each.
 *
 *   byte_test.h   is there anything wanted in it?
 *   log_walk.h    who printed what in it?
 *
 * A frame is bytes of a stranger: every read is bounded by the end of the frame, no number is taken
 * from it but the slot, and nothing is allocated by what it announces.
 */
#include "byte_test.h"
#include "log_walk.h"

static PyMethodDef methods[] = {
    {"read_logs", (PyCFunction)(void (*)(void))native_read_logs, METH_FASTCALL,
     "read_logs(frame, programs, Step) -> (signature, slot, steps) | None"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "sniperforge.detect._native", "One pass over the bytes of a frame.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void)
{
    fill_digits();
    PyObject *made = PyType_Ready(&byte_test_type) ? NULL : PyModule_Create(&module);
    if (made && PyModule_AddObjectRef(made, "ByteTest", (PyObject *)&byte_test_type)) Py_CLEAR(made);
    return made;
}
