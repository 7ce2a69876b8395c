# A room is one folder of sources: an OBJECT library that says which rooms and external libraries it uses.
#
#   add_room(common_net SOURCES a.cc b.cc USES common_event DEPENDS OpenSSL::SSL)
#
# USES names rooms, DEPENDS external libraries. link_rooms(target room…) links a target with rooms and all
# they use, so a room that reaches for something it did not declare fails to link in its own test.

function(add_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;DEPENDS" ${ARGN})
  if(ROOM_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "add_room(${name}): unknown arguments ${ROOM_UNPARSED_ARGUMENTS}")
  endif()
  add_library(${name} OBJECT ${ROOM_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src
    ${CMAKE_SOURCE_DIR}/src/common/base/include ${CMAKE_SOURCE_DIR}/src/hub/include)
  target_link_libraries(${name} PRIVATE ${ROOM_DEPENDS})
  set(all ${name})
  set(external ${ROOM_DEPENDS})
  foreach(used IN LISTS ROOM_USES)
    get_property(below GLOBAL PROPERTY HUBGATE_ROOM_${used}_ALL)
    if(NOT below)
      message(FATAL_ERROR "add_room(${name}): USES ${used}, which is no room yet; list lower rooms first")
    endif()
    get_property(below_external GLOBAL PROPERTY HUBGATE_ROOM_${used}_EXTERNAL)
    list(APPEND all ${below})
    list(APPEND external ${below_external})
    # Headers of a used room may include headers of its external libraries.
    target_link_libraries(${name} PRIVATE ${below_external})
  endforeach()
  list(REMOVE_DUPLICATES all)
  list(REMOVE_DUPLICATES external)
  set_property(GLOBAL PROPERTY HUBGATE_ROOM_${name}_ALL "${all}")
  set_property(GLOBAL PROPERTY HUBGATE_ROOM_${name}_EXTERNAL "${external}")
endfunction()

# Links `target` with the named rooms, the rooms they use and their external libraries.
function(link_rooms target)
  set(all "")
  set(external "")
  foreach(room IN LISTS ARGN)
    get_property(below GLOBAL PROPERTY HUBGATE_ROOM_${room}_ALL)
    if(NOT below)
      message(FATAL_ERROR "link_rooms(${target}): ${room} is no room")
    endif()
    get_property(below_external GLOBAL PROPERTY HUBGATE_ROOM_${room}_EXTERNAL)
    list(APPEND all ${below})
    list(APPEND external ${below_external})
  endforeach()
  list(REMOVE_DUPLICATES all)
  list(REMOVE_DUPLICATES external)
  foreach(room IN LISTS all)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${room}>)
  endforeach()
  target_link_libraries(${target} PRIVATE ${external})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src
    ${CMAKE_SOURCE_DIR}/src/common/base/include ${CMAKE_SOURCE_DIR}/src/hub/include)
endfunction()

# add_room_test(common_net_test SOURCES a_test.cc USES common_net [SUPPORT extra.cc]): one Catch2 program, one ctest
# entry a test program, so that ctest -j runs rooms side by side.
function(add_room_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;USES;DEPENDS" ${ARGN})
  if(NOT HUBGATE_TESTS)
    return()
  endif()
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  link_rooms(${name} ${TEST_USES})
  target_link_libraries(${name} PRIVATE Catch2::Catch2WithMain ${TEST_DEPENDS})
  # Tests run in the source folder and read their data by relative path; programs under test are in
  # $HUBGATE_BINARY_DIR. No path is compiled in, so that a checkout elsewhere hits the compiler cache.
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} ENVIRONMENT "HUBGATE_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()

# Adds the folders that exist; a room is added with its first source file.
function(add_room_folders)
  foreach(folder IN LISTS ARGN)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()
