# Where an installation has its folders: in the package of a wheel, else below the prefix.
include(GNUInstallDirs)

if(LAMINA_BUILD_PYTHON)
  set(LAMINA_COMPONENT python)
  set(LAMINA_INSTALL_INCLUDE lamina/include)
  set(LAMINA_INSTALL_LIB lamina/lib)
  # Windows looks for the library beside the module.
  set(LAMINA_INSTALL_BIN lamina)
else()
  set(LAMINA_COMPONENT lamina)
  set(LAMINA_INSTALL_INCLUDE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(LAMINA_INSTALL_LIB "${CMAKE_INSTALL_LIBDIR}")
  set(LAMINA_INSTALL_BIN "${CMAKE_INSTALL_BINDIR}")
endif()
